"""Tests of jairouter under simulated faults."""
