"""Requests that take too long, and those that fail: what is said and counted of them."""
