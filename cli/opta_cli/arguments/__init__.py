"""The commands and options of each group. Data only: importing them imports no command."""
