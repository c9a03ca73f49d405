"""The search tools."""
