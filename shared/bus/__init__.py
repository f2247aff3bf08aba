"""The door to NATS."""
