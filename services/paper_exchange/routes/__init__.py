"""The REST endpoints, by area."""
