"""The service's tables, their engine and their migrations."""
