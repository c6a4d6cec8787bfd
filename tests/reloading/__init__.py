"""Tests for `jairouter.reloading`."""
