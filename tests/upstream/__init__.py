"""Tests of jairouter (upstream)."""
