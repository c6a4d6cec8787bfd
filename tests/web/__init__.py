"""Tests of jairouter (web)."""
