"""What keeps the service honest: the audit log, its export, the weekly review, the public report, alerts."""
