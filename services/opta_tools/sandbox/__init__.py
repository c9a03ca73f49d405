"""What a command can do, whatever it is: the operating system's containment of run_command and stdio MCP servers."""
