"""Tool declarations. Every other description of a tool is derived from its declaration."""
