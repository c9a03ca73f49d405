"""The escape matrix: what an approved command tries, and whether each containment stops it. `./opta dev escapes` prints it."""

import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from opta_tools.sandbox.launch import Level

from .contained import PYTHON, Place

LEVELS: tuple[Level, ...] = ("full", "landlock", "none")


@dataclass(frozen=True)
class Escape:
    """A try: the command, and how to tell afterwards that it got out (else: that it succeeded)."""

    name: str
    command: str
    got_out: Callable[[Place], bool] | None = None
    # A command of its own before it.
    first: str = ""


def _python(code: str) -> str:
    return f"{PYTHON} -S -c '{code}'"


def _changed(name: str) -> Callable[[Place], bool]:
    return lambda place: (place.work / name).is_file() and "evil" in (place.work / name).read_text()


ESCAPES = (
    Escape("write to the home", "echo evil > ~/evil", lambda place: (place.home / "evil").exists()),
    Escape("write to /etc", "echo evil > /etc/opta-evil && rm /etc/opta-evil"),
    Escape("write to the machine's /tmp", "echo evil > /tmp/opta-evil", lambda place: Path("/tmp/opta-evil").exists()),
    Escape("read a private key", "grep -q CANARY ~/.ssh/id"),
    Escape("read the daemon's token", "grep -q CANARY ~/.config/opta/daemon/token"),
    Escape("read another file of the home", "grep -q CANARY ~/.local/share/app/login.json"),
    Escape("read a log of the machine", "ls /var/log/*"),
    Escape("a variable of the daemon's environment", "env | grep -q CANARY_TOKEN"),
    Escape("change .git/config", "git config core.fsmonitor evil", _changed(".git/config")),
    Escape("make a git hook", "echo evil > .git/hooks/post-commit", _changed(".git/hooks/post-commit")),
    Escape("move .git away and make another", "mv .git old && mkdir -p .git && echo evil > .git/config", _changed(".git/config")),
    Escape("make .opta/policy.yaml", "mkdir -p .opta && echo evil > .opta/policy.yaml", _changed(".opta/policy.yaml")),
    Escape("make .mcp.json", "echo evil > .mcp.json", _changed(".mcp.json")),
    Escape("make .husky/pre-commit", "mkdir -p .husky && echo evil > .husky/pre-commit", _changed(".husky/pre-commit")),
    Escape(
        "a new repository with a hook", "git init -q sub && echo evil > sub/.git/hooks/pre-commit", _changed("sub/.git/hooks/pre-commit")
    ),
    Escape(
        "write where an earlier command led .git/modules",
        "echo evil > .git/modules/evil",
        lambda place: (place.home.parent / "outside/evil").exists(),
        first="ln -s {outside} .git/modules",
    ),
    Escape("TCP to this machine", _python('import socket; socket.create_connection(("127.0.0.1", {port}), 2)')),
    Escape(
        "UDP",
        _python('import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", {port}))'),
        lambda place: _heard(),
    ),
    Escape("a unix socket of the machine", _python('import socket; socket.socket(socket.AF_UNIX).connect("{unix}")')),
    Escape(
        "a datagram to a unix socket",
        _python('import socket; a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM); a.connect("{dgram}"); a.send(b"x")'),
    ),
    Escape("a kernel variable", "cat /proc/sys/kernel/core_pattern > /proc/sys/kernel/core_pattern"),
    Escape("a signal to another process", "kill -0 {pid}"),
    Escape("ptrace another process", _python("import ctypes, sys; sys.exit(0 if ctypes.CDLL(None).ptrace(16, {pid}, 0, 0) == 0 else 1)")),
    Escape("another process's environment", "cat /proc/{pid}/environ > /dev/null"),
    Escape("new namespaces", "unshare -Ur true"),
    Escape("mount", "mount -t tmpfs x /mnt && umount /mnt"),
    Escape("chroot", "chroot / true"),
)

_udp: list[socket.socket] = []


def _heard() -> bool:
    try:
        return bool(_udp[-1].recv(10))
    except OSError:
        return False


def tries(folder: Path, level: Level) -> dict[str, bool]:
    """Name -> whether it got out, at one level."""
    place = Place(folder, level=level)
    subprocess.run(["git", "init", "-q", str(place.work)], check=True)
    tcp, udp, unix = socket.socket(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM), socket.socket(socket.AF_UNIX)
    bystander = subprocess.Popen(["sleep", "600"])
    dgram = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        tcp.bind(("127.0.0.1", 0))
        tcp.listen()
        udp.bind(("127.0.0.1", tcp.getsockname()[1]))
        udp.settimeout(0.2)
        _udp.append(udp)
        path = folder / "work/s"
        dgram.bind(str(folder / "work/d"))
        (folder / "outside").mkdir()
        app = place.home / ".local/share/app"
        app.mkdir(parents=True)
        (app / "login.json").write_text("CANARY-login")
        unix.bind(str(path))
        unix.listen()
        found: dict[str, bool] = {}
        for escape in ESCAPES:
            names = {
                "port": tcp.getsockname()[1],
                "unix": path,
                "dgram": folder / "work/d",
                "outside": folder / "outside",
                "pid": bystander.pid,
            }
            if escape.first:
                place.run(_filled(escape.first, names))
            outcome = place.run(_filled(escape.command, names))
            found[escape.name] = escape.got_out(place) if escape.got_out else outcome.ok
            for left in (Path("/tmp/opta-evil"), place.home / "evil"):
                left.unlink(missing_ok=True)
            if (place.work / "old").exists():
                subprocess.run(["rm", "-rf", str(place.work / ".git")], check=True)
                (place.work / "old").rename(place.work / ".git")
        return found
    finally:
        place.close()
        bystander.kill()
        bystander.wait()
        for opened in (tcp, udp, unix, dgram):
            opened.close()


def _filled(command: str, names: dict[str, object]) -> str:
    for name, value in names.items():
        command = command.replace(f"{{{name}}}", str(value))
    return command


def table(rows: dict[Level, dict[str, bool]]) -> str:
    """The matrix as Markdown: ✓ stopped, ✕ got out."""
    lines = ["| an approved command tries | " + " | ".join(rows) + " |", "|---|" + ":---:|" * len(rows)]
    for escape in ESCAPES:
        lines.append(f"| {escape.name} | " + " | ".join("✕" if rows[level][escape.name] else "✓" for level in rows) + " |")
    return "\n".join(lines)


def main() -> None:
    """Measure every level and print the matrix."""
    rows: dict[Level, dict[str, bool]] = {}
    for level in LEVELS:
        # Not beneath /tmp, which the strictest level hides as a whole.
        with tempfile.TemporaryDirectory(dir=Path.home()) as folder:
            rows[level] = tries(Path(folder), level)
    print(f"As user {os.getuid()}, kernel {os.uname().release}.\n\n{table(rows)}")


if __name__ == "__main__":
    sys.exit(main())
