"""Tests of jairouter.request_body."""
