"""The tool-worker: does one thing to the world, inside limits."""
