"""What keeps the service honest: the log's export, the weekly review, the public report, metrics."""
