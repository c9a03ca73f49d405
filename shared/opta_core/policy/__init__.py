"""What a tool call may do: parsed, matched against rules of several layers, judged. Pure: no socket, no process."""
