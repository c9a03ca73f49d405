"""HTTP to model servers and to LMX, and the proxy for contained programs."""
