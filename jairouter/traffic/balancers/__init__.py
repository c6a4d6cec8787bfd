"""Weighted random and the other ways to choose an instance."""
