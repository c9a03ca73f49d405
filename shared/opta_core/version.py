"""The version of Opta. pyproject.toml reads it from here, because reading the installed metadata costs every start 15 ms."""

VERSION = "0.1.0"
