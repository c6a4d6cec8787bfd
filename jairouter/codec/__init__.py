"""Parsers that do no I/O: bytes in, events out."""
