"""The department's service: receives sealed hits, lets people review them, and lets go of them."""
