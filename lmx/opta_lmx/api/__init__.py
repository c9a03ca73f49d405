"""The inference APIs that LMX serves."""
