"""The file tools, and the workspace through which they read and write."""
