"""Protects: keeps a stop on every position."""
