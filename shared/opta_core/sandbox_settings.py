"""Settings of the sandbox that commands run in."""

import msgspec

from .errors import Refused


class SandboxSettings(msgspec.Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """What commands can access. Only the user's configuration sets this, never a project's."""

    # Off: every command needs approval, and is refused when no person can be asked.
    enabled: bool = True
    # off, list (allow-hosts through a proxy) or on. A person can allow network access for one command in its permission question.
    network: str = "off"
    allow_hosts: list[str] = []
    # Files and folders that commands and file tools may read, besides the system and the toolchains in the home.
    read: list[str] = []
    # Unix sockets, for level full only. Off: a command cannot connect to a local server through a socket file in its folders.
    unix_sockets: bool = False
    # Limits of one command with its child processes; 0: no limit. Memory -1: three quarters of the machine's memory.
    memory_mb: int = -1
    processes: int = 4096
    files: int = 65536
    # Total that it may write to the disk, and space that must stay free there.
    disk_mb: int = 65536
    free_mb: int = 512
    # What the /tmp of a session may hold, over all its commands.
    tmp_mb: int = 8192


def check_sandbox(sandbox: SandboxSettings) -> None:
    """Raises Refused for a value out of its range."""
    if sandbox.network not in ("off", "list", "on"):
        raise Refused(f"sandbox.network is {sandbox.network!r}; it must be one of off, list, on.")
    for path in sandbox.read:
        if not path.startswith(("/", "~/")) or path.rstrip("/") in ("", "~") or "\0" in path or ".." in path.split("/"):
            raise Refused(f"sandbox.read has {path[:200]!r}; each entry must be a file or folder, absolute or below ~/, not a whole home.")
    numbers = {"processes": sandbox.processes, "files": sandbox.files, "disk-mb": sandbox.disk_mb, "free-mb": sandbox.free_mb}
    numbers["tmp-mb"] = sandbox.tmp_mb
    if bad := next((key for key, number in numbers.items() if not 0 <= number < 1e9), None):
        raise Refused(f"sandbox.{bad} is {numbers[bad]}; it must be 0 (no limit) or more.")
    if not -1 <= sandbox.memory_mb < 1e9:
        raise Refused(
            f"sandbox.memory-mb is {sandbox.memory_mb}; it must be 0 (no limit) or more, or -1 for three quarters of the machine's memory."
        )
