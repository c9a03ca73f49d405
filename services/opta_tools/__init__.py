"""The tool-worker: executes tool calls, one at a time for each path, within limits."""
