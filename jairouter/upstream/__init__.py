"""Towards the backends: connections, pool, client."""
