"""The configuration in force, and how another one takes its place while requests are under way."""
