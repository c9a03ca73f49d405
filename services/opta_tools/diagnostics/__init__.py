"""Checks of edited files: the linters, type checkers and compilers of the project, and what of their output is new."""
