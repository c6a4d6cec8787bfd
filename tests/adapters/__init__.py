"""Tests of jairouter (adapters)."""
