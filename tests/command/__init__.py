"""Tests of jairouter (command)."""
