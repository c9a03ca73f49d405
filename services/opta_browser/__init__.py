"""Peekaboo: a browser as an MCP server, driven by Playwright; one process with one isolated context for each turn."""
