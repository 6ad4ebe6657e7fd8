"""Data sets, synthetic people, metrics and benchmarks."""
