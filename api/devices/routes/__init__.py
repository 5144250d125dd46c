"""What answers requests about camera units, and the units' own."""
