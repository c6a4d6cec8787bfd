"""Tests of jairouter (auth)."""
