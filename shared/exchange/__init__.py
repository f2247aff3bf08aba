"""The door to a Binance-compatible venue."""
