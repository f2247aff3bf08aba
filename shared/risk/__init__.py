"""How big an order may be, where its bracket stands, and the one gate that approves it."""
