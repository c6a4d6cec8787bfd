"""What all limiters understand by being in time."""

EARLY = 1e-6
"""Seconds that a request may come before its time. The clock's seconds are floats, about a quarter of a
microsecond apart, and tenths are not among them. Nothing is gained by it: a bucket is in debt for what was
taken early."""

LEAST_WAIT = 0.001
"""Seconds that anybody is told to wait, at least."""
