"""The tools: one declaration each, from which every other description of a tool is derived."""
