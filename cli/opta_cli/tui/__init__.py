"""The full-screen terminal. Textual is imported here and nowhere else in the command line."""
