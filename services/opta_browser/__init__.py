"""Peekaboo: a browser as an MCP server over Playwright; one process and one isolated context a loop."""
