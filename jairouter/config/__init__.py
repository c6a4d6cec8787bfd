"""The configuration: typed settings, and how they are read."""
