"""MCP servers: started contained, asked with caps and deadlines, restarted when they die."""
