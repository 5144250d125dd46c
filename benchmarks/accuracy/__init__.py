"""Plates found and read, on pictures and on clips."""
