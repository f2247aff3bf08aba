"""The paper venue: a Binance-compatible exchange in one process."""
