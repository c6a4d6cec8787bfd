"""Distributed tracing: which trace a request belongs to, its spans, and where they go."""
