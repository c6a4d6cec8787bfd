"""Tests of jairouter (config)."""
