"""What sessions used, counted from their journals: tokens, time and tool calls."""
