"""An AI model gateway: one OpenAI-compatible address in front of many model backends."""
