"""Reads GGUF files and writes them as model folders. Needs numpy and no mlx."""
