"""Request bodies on their way from a client to a backend, held, spooled or streamed."""
