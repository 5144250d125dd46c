"""What every other part builds on: keys and sealing, canonical bytes, whole files, clocks, the C library."""
