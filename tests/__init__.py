"""Tests of jairouter, path by path."""
