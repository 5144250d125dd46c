"""What answers requests about the log, the week and the report."""
