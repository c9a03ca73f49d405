"""The command tools: commands in the foreground and in the background, and their output."""
