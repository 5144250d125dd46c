"""How benchmarks run, what they write down, and how two results are compared."""
