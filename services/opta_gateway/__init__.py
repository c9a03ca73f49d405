"""The daemon's API: HTTP v3 and WebSocket in, bus out."""
