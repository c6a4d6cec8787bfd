"""Tests of jairouter (limiters)."""
