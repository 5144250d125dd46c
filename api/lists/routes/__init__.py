"""What answers requests about the hot list: pages, JSON, and the import form."""
