"""The door to Redis."""
