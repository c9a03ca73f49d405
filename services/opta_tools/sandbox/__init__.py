"""The sandbox of commands and stdio MCP servers: what the operating system lets them do, whatever program they are."""
