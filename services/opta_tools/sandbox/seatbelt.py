"""macOS: the profile for sandbox-exec. Paths are parameters (`-D`), never text of the profile; denies come after allows.

Reads are limited to an allow-list, as on Linux; writing control files is denied by name, whether they exist or not.
Reference: sandbox-exec(1) and the profiles in /System/Library/Sandbox/Profiles. The profile is only tested as text on Linux.
"""

import os
import re

from opta_core.policy.control_files import CONTROL_FILES

from ..result import ToolProblem
from . import readable
from .git_folders import GIT_CONTROL
from .launch import Network
from .view import Host

PROGRAM = "/usr/bin/sandbox-exec"
# Folders that every program needs to start.
_SYSTEM = (
    "/System",
    "/Library",
    "/usr",
    "/bin",
    "/sbin",
    "/opt",
    "/private/etc",
    "/private/var/db/timezone",
    "/private/var/select",
    "/dev",
    "/Applications",
)
_BASE = """\
(version 1)
(deny default)
(allow process-exec) (allow process-fork) (allow signal (target same-sandbox))
(allow sysctl-read) (allow mach-lookup (global-name "com.apple.system.opendirectoryd.libinfo"))
(allow ipc-posix-shm-read* (ipc-posix-name "apple.shm.notification_center"))
(allow file-read-metadata)
(allow file-read* (literal "/"))
(allow file-write-data (literal "/dev/null") (literal "/dev/zero") (literal "/dev/dtracehelper") (literal "/dev/tty"))
(allow file-ioctl (literal "/dev/tty"))
"""


def arguments(
    host: Host, workspace: str, writable: tuple[str, ...], controls: list[str], network: Network, is_read_only: bool
) -> list[str]:
    """The words before the command. `writable`: folders that this session may write; `controls`: existing control files.

    Raises ToolProblem when `network` is "list".
    """
    if network == "list":
        raise ToolProblem("sandbox.network is an allow-list, which this sandbox cannot enforce; set it to off or on", "sandbox")
    parameters: dict[str, str] = {"WORKSPACE": workspace}
    text = _BASE
    toolchains = readable.toolchains(host.home, host.search_path, host.read)
    for number, path in enumerate([*map(os.path.realpath, _SYSTEM), *(each.real for each in toolchains)]):
        parameters[f"READ{number}"] = path
        text += f'(allow file-read* (subpath (param "READ{number}")))\n'
    for number, path in enumerate(host.daemon_folders):
        parameters[f"OWN{number}"] = str(path)
        text += f'(deny file-read* file-write* (subpath (param "OWN{number}")))\n'
    # The last rule that fits counts: of Opta's folders, those that are shown by name (the user's skills, programs of hooks) can be read.
    inside = (each.real for each in toolchains if any(each.real.startswith(f"{folder}/") for folder in host.daemon_folders))
    for number, path in enumerate(inside):
        parameters[f"SHOWN{number}"] = path
        text += f'(allow file-read* (subpath (param "SHOWN{number}")))\n'
    for number, path in enumerate(path for each in toolchains for path in host.credentials.beneath(each.real)):
        parameters[f"HIDDEN{number}"] = path
        text += f'(deny file-read* (subpath (param "HIDDEN{number}")))\n'
    text += '(allow file-read* (subpath (param "WORKSPACE")))\n'
    if not is_read_only:
        text += '(allow file-write* (subpath (param "WORKSPACE")))\n'
    for number, path in enumerate(writable):
        parameters[f"SCRATCH{number}"] = path
        text += f'(allow file-read* file-write* (subpath (param "SCRATCH{number}")))\n'
    if network == "on":
        text += '(allow network*)\n(deny network-outbound (remote ip "localhost:*"))\n'
    text += "(deny network* (remote unix-socket))\n"
    text += _control_rules()
    for number, path in enumerate(controls):
        if not path.endswith("/.git"):
            parameters[f"CONTROL{number}"] = path
            text += f'(deny file-write* (subpath (param "CONTROL{number}")))\n'
    # Moving .git away would circumvent the rules that protect it.
    parameters["GIT"] = f"{workspace}/.git"
    text += '(deny file-write-unlink (literal (param "GIT")))\n'
    definitions = [word for name, value in parameters.items() for word in ("-D", f"{name}={value}")]
    return [PROGRAM, "-p", text, *definitions, "--"]


def _control_rules() -> str:
    """Rules that deny writing control files by name. Case is ignored, because volumes may be case-insensitive."""
    rules: list[str] = []
    for entry in CONTROL_FILES:
        if entry.name != ".git":
            rules.append(f'(deny file-write* (regex #"/{_pattern(entry.name)}(/|$)"))')
    rules += [f'(deny file-write* (regex #"/{_pattern(".git")}/(.*/)?{_pattern(name)}(/|$)"))' for name in GIT_CONTROL]
    return "\n".join(rules) + "\n"


def _pattern(name: str) -> str:
    escaped = re.escape(name).replace(r"\*", "[^/]*")
    return "".join(f"[{c.lower()}{c.upper()}]" if c.isalpha() and c != "\\" else c for c in escaped)
