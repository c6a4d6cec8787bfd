"""Tests of the benchmarks: what they compute and what they must not overlook."""
