"""The message types: every type that crosses a process boundary."""
