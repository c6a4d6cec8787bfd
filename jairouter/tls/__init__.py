"""Certificates and keys in files, as both sides of the gateway need them; what the listener makes of them."""
