"""A reading's probabilities in, the listed plates that may be in view out. And what a list costs in false hits."""
