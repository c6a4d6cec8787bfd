"""Limiters: how many requests are let through, one algorithm in each file."""
