"""Ollama's API: chat, generate, embeddings, and what its clients read about models."""
