"""Towards the clients: HTTP server, resources, relay."""
