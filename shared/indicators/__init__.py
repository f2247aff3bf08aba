"""Indicators as numpy functions over all symbols at once."""
