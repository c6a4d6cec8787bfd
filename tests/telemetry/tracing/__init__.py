"""Tests of jairouter (telemetry)."""
