"""A machine on which Opta was just installed, for tests of the first visit: a home folder with projects, and no model yet."""

import socket
from pathlib import Path
from typing import Any

from opta_core.model_servers.local_servers import PORTS
from support.daemon import Daemon


def first_visit(folder: Path, **settings: Any) -> Daemon:
    """A daemon whose user has two projects."""
    made = Daemon(folder, **settings)
    home = folder / "person"
    for name in ("code/shop", "code/notes"):
        (home / name / ".git").mkdir(parents=True)
    (home / "code/shop/invoice.py").write_text("def total(lines):\n    return sum(line.price for line in lines)\n")
    (home / "code/shop/README.md").write_text("# Shop\n")
    (home / "plain").mkdir()
    made.environment["HOME"] = str(home)
    return made


def free_known_port() -> int:
    """A port at which model servers are looked for, and where nothing listens."""
    for port in PORTS:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return port
    raise AssertionError("every known port is in use")
