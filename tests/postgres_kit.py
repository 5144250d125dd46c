"""A real PostgreSQL server for the tests that want one."""

from benchmarks.fixtures.postgres import BIN, Cluster

__all__ = ["BIN", "Cluster"]
