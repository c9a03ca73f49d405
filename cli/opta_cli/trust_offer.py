"""Whether a folder whose files ask for more is to be trusted: shown and asked before a conversation in it begins."""

import sys

from opta_core.errors import OptaError

from .ask import confirm
from .client import Client
from .plain_text import print_plain


def offer(client: Client, cwd: str) -> None:
    """Show what the files of an untrusted folder ask for, and ask whether to trust it. Without trust, they allow nothing."""
    try:
        found = client.get("/v3/trust", cwd=cwd)
    except OptaError:
        return
    if not found["needed"]:
        return
    print_plain(
        f"{found['path']} is not trusted{': its files have changed' if found['state'] == 'changed' else ''}. Its files ask for the following:",
        sys.stderr,
    )
    for line in [*found["changes"], *found["asks"]]:
        print_plain(f"  {line}", sys.stderr)
    if confirm("Trust this folder? What it forbids applies in any case."):
        client.post("/v3/trust", {"cwd": cwd, "sha256": found["sha256"]})
