"""The retention window: where live reads lie, what destroys them in time, and who watches that it does."""
