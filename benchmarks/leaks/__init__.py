"""Edges that leak on purpose, one fault each: what the forgetting gate must catch. Never a product."""
