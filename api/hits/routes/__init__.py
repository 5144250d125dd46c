"""What answers requests about hits: pages, JSON, and the live queue."""
