"""Recall against false hits, and what a look-up costs."""
