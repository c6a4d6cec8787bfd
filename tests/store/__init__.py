"""Tests of jairouter.store."""
