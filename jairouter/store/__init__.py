"""What is kept across restarts: versions of the configuration."""
