"""Turns a conversation into the prompt that the chat template of one model can render, without losing any of it."""
