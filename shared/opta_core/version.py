"""The version of Opta; pyproject.toml reads it from here, since asking the installed metadata costs every start 15 ms."""

VERSION = "0.1.0"
