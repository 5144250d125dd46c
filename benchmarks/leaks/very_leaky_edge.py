"""The edge with the planted fault of `leaky_edge`, and more of it: for a run of a minute."""

from benchmarks.leaks.leaky_edge import main

if __name__ == "__main__":
    main(256)
