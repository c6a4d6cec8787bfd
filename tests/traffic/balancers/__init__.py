"""Tests for the balancers."""
