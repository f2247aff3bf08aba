"""Acts: the only service that opens positions."""
