"""Tests for `jairouter.telemetry.logs`."""
