"""Tests of jairouter (reloading)."""
