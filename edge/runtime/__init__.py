"""The edge put together from its configuration, run, checked and supervised."""
