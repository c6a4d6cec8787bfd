"""The composition root of the control plane: the configuration, its store, the management API."""
