"""KV caches, and the prefix cache in memory and on disk."""
