"""The words of the product: money, instruments, candles, orders, positions, time, errors."""
