"""A model backend for demos, tests and benchmarks."""
