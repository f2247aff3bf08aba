"""Sees: candles, indicators, filters, signals."""
