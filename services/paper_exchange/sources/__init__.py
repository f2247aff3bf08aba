"""Where prices come from: recorded candles, a seeded synthetic market, a live upstream."""
