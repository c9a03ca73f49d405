"""The command tools: foreground and background commands, and their output."""
