"""Tests of jairouter (telemetry.audit)."""
