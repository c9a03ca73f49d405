"""The custom commands of a folder, as `/help` lists them on a terminal."""

import sys

from .client import Client
from .plain_text import print_plain


def show(client: Client, cwd: str) -> None:
    """Print the custom commands of a folder."""
    found = client.get("/v3/commands", cwd=cwd)
    for command in found["commands"]:
        print_plain(f"/{command['name']} {command['arguments']}".ljust(28) + f" {command['description']}", sys.stderr)
    if not found["commands"]:
        print_plain("There are no commands: add one as commands/NAME.md to Opta's folder, or to .opta/commands of a project.", sys.stderr)
    for problem in found["problems"]:
        print_plain(f"! {problem}", sys.stderr)
