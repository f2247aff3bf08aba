"""What one venue does differently from another."""
