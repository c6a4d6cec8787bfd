"""Decisions: synchronous, told the time, no I/O."""
