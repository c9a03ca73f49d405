"""Contains a process with landlock and the system call filter on systems without user namespaces, then executes the command.

Runs between the worker and a command, under `python -I -S`. Arguments: the descriptor of a file with settings as JSON, then `PROGRAM
ARGS…`. Rights are given to opened folders, never to names. Interface: linux/landlock.h. Imports the standard library and modules of this
package only.
"""

import json
import os
import stat
import struct
import sys
from typing import Any

from . import linux

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
# Rights that apply to files; the others apply to folders only.
_FILE_RIGHTS = _EXECUTE | _WRITE_FILE | _READ_FILE | (1 << 14) | (1 << 15)
# ABI version -> all rights over files that it knows.
_ALL_BY_VERSION = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1, 5: (1 << 16) - 1}
_NET_ALL = 0b11
# No signals and no abstract sockets to processes outside.
_SCOPE_ALL = 0b11


def main() -> None:
    """Contain this process, then execute the command. Ends with 125 when it cannot."""
    with open(int(sys.argv[1]), "rb") as handle:
        settings = json.loads(handle.read())
    command = sys.argv[2:]
    try:
        contain(settings)
    except OSError as error:
        print(f"opta: the sandbox could not be made ({error.strerror})", file=sys.stderr)
        sys.exit(125)
    try:
        os.execvpe(command[0], command, settings["environment"])
    except OSError as error:
        print(f"opta: {command[0]} could not start: {error.strerror}", file=sys.stderr)
        sys.exit(127)


def contain(settings: dict[str, Any]) -> None:
    """Restrict this process. `settings`: read (paths), write (paths), opened ([descriptor, may write]), has_network, seccomp.

    Raises OSError.
    """
    version = linux.landlock_version()
    every = _ALL_BY_VERSION[min(version, max(_ALL_BY_VERSION))]
    takes_net = version >= 4 and not settings["has_network"]
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    ruleset = linux.landlock_ruleset(struct.pack("=QQQ", every, _NET_ALL if takes_net else 0, _SCOPE_ALL)[:size])
    reading = _EXECUTE | _READ_FILE | _READ_DIR
    for paths, rights in ((settings["read"], reading), (settings["write"], every)):
        for path in paths:
            try:
                descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
            except OSError:
                continue
            _allow(ruleset, rights & every, descriptor)
            os.close(descriptor)
    for descriptor, may_write in settings["opened"]:
        _allow(ruleset, (every if may_write else reading) & every, descriptor)
        os.set_inheritable(descriptor, False)
    # Capabilities are dropped first, because uid 0 would keep what they allow.
    linux.bound_capabilities()
    linux.drop_capabilities()
    linux.prctl(linux.PR_SET_NO_NEW_PRIVS, 1)
    linux.landlock_restrict(ruleset)
    os.close(ruleset)
    linux.filter_calls(bytes.fromhex(settings["seccomp"]))


def _allow(ruleset: int, rights: int, descriptor: int) -> None:
    if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
        rights &= _FILE_RIGHTS
    linux.landlock_allow(ruleset, rights, descriptor)


if __name__ == "__main__":
    main()
