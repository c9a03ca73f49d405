"""The search tools: grep and search_files, with ripgrep or with an engine in Python."""
