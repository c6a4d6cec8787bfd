"""Translations between the OpenAI dialect and a backend's own: pure functions of bytes."""
