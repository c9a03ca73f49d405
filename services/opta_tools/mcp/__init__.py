"""MCP servers: started in a sandbox, called with limits and deadlines, restarted when they die."""
