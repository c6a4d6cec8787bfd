"""What the gateway writes to logs."""
