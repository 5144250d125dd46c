"""Throughput, latency and memory over time."""
