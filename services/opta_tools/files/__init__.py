"""The file tools and what they read and write through."""
