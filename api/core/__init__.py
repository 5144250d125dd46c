"""What every part of the service stands on: settings, clock, keys, the vault, the audit log, limits."""
