"""The camera box: plates are read, matched in memory, and forgotten; only sealed hits leave it."""
