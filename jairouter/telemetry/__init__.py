"""What the operator sees: metrics, logs."""
