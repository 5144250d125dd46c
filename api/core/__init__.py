"""What every part of the service stands on: settings, clock, keys, database access, limits, logs, metrics."""
