"""What is said: every type that crosses a process."""
