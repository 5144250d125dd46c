"""Alerts to the department's own systems."""
