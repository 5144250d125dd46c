"""What the process does to itself before it sees a frame, and how faults are told without values."""
