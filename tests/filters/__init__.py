"""Tests of jairouter (filters)."""
