"""Tests of jairouter (traffic)."""
