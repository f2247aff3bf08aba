"""The settings, one module per group."""
