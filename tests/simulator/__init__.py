"""Tests of jairouter (simulator)."""
