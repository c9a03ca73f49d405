"""LMX: an OpenAI-compatible inference server on MLX."""
