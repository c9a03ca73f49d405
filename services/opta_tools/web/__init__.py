"""The tool that reads addresses on the web: connections, redirects, limits, and what becomes text."""
