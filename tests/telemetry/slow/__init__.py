"""Tests for `jairouter.telemetry.slow`."""
