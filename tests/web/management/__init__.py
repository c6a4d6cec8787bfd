"""Tests for `jairouter.web.management`."""
