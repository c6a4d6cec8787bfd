"""Tests of jairouter (codec)."""
