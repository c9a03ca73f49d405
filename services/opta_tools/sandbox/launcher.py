"""Runs between the worker and a command where bubblewrap alone is not enough: `launcher.py MODE JSON -- PROGRAM ARGS…`.

`netns`: a network of its own that holds one listening socket, handed back to the worker, whose proxy answers there.
`landlock`: no user namespaces on this machine, so the kernel's landlock and our seccomp filter contain the process itself.
Runs under `python -I -S`: imports the standard library only.
"""

import array
import ctypes
import fcntl
import json
import os
import socket
import struct
import sys
from typing import Any

_libc = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 38, 22, 2
_SIOCSIFFLAGS, _IFF_UP = 0x8914, 0x1
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_PATH_BENEATH, _RULESET_VERSION = 1, 1
# linux/landlock.h: bits of access to files, by the version of the interface that brought them.
_EXECUTE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 2, 1 << 3
_FILE_BITS = _EXECUTE | (1 << 1) | _READ_FILE | (1 << 14) | (1 << 15)
_ALL_BY_VERSION = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1, 5: (1 << 16) - 1}
_NET_ALL = 0b11
# Signals and abstract sockets reach nobody outside.
_SCOPE_ALL = 0b11


def main() -> None:
    """Contain this process, then become the command."""
    mode, settings, command = sys.argv[1], json.loads(sys.argv[2]), sys.argv[4:]
    if mode == "netns":
        _own_network(settings)
    else:
        _landlock(settings)
    os.execvpe(command[0], command, {**os.environ, **settings.get("env", {})})


def version() -> int:
    """Which version of landlock the kernel has, 0 for none."""
    found = _libc.syscall(_CREATE_RULESET, None, 0, _RULESET_VERSION)
    return max(0, int(found))


def _own_network(settings: dict[str, Any]) -> None:
    uid, gid = os.getuid(), os.getgid()
    _check(_libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET), "unshare")
    for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        with open(f"/proc/self/{name}", "w") as handle:
            handle.write(text)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", _IFF_UP))
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.bind(("127.0.0.1", settings["port"]))
    listener.listen(64)
    with socket.socket(fileno=settings["to_worker"]) as channel:
        channel.sendmsg([b"1"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [listener.fileno()]))])
    listener.close()


def _landlock(settings: dict[str, Any]) -> None:
    found = version()
    every = _ALL_BY_VERSION[min(found, max(_ALL_BY_VERSION))]
    takes_net = found >= 4 and settings["network"] != "on"
    size = 24 if found >= 6 else 16 if found >= 4 else 8
    attributes = struct.pack("=QQQ", every, _NET_ALL if takes_net else 0, _SCOPE_ALL)[:size]
    ruleset = _check(_libc.syscall(_CREATE_RULESET, attributes, len(attributes), 0), "landlock")
    for paths, bits in ((settings["read"], _EXECUTE | _READ_FILE | _READ_DIR), (settings["write"], every)):
        for path in paths:
            _allow(ruleset, path, bits & every)
    _check(_libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")
    _check(_libc.syscall(_RESTRICT_SELF, ruleset, 0), "landlock")
    os.close(ruleset)
    filters = bytes.fromhex(settings["seccomp"])
    buffer = ctypes.create_string_buffer(filters, len(filters))
    program = struct.pack("@HxxxxxxP", len(filters) // 8, ctypes.addressof(buffer))
    _check(_libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, program, 0, 0), "seccomp")
    os.chdir(settings["folder"])


def _allow(ruleset: int, path: str, bits: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    if not os.path.isdir(path):
        bits &= _FILE_BITS
    _check(_libc.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, struct.pack("=Qi", bits, descriptor), 0), f"landlock {path}")
    os.close(descriptor)


def _check(result: int, what: str) -> int:
    if result < 0:
        print(f"opta: the sandbox could not be made ({what}: {os.strerror(ctypes.get_errno())})", file=sys.stderr)
        sys.exit(125)
    return result


if __name__ == "__main__":
    main()
