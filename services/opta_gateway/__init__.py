"""The daemon's door: HTTP v3 and WebSocket in, bus out."""
