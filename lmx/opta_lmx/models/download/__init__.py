"""Downloads from a model hub."""
