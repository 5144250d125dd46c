"""One camera's story: a frame comes, plates are found and read, a read is matched, and is a hit or is forgotten."""
