"""Shows and controls."""
