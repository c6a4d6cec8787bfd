"""The settings as typed, frozen values; the root is `jairouter.config.settings.root.Settings`."""
