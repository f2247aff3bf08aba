"""The messages that services exchange."""
