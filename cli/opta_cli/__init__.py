"""The opta command."""
