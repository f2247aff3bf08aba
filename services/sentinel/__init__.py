"""Hears: what makes a symbol risky."""
