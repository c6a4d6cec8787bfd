"""The settings as typed, frozen values; the root is L{jairouter.config.settings.root.Settings}."""
