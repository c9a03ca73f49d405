"""The Linux system calls that build a sandbox, through ctypes: namespaces, mounts by descriptor, capabilities, seccomp, landlock.

Every function raises OSError with the name of the system call. Constants have the names of the kernel's headers. Imports the standard
library only, because it also runs inside the sandbox under `python -I -S`.
"""

import ctypes
import os
import struct
from typing import Any

AT_FDCWD, AT_EMPTY_PATH, AT_RECURSIVE, AT_SYMLINK_NOFOLLOW = -100, 0x1000, 0x8000, 0x100
CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC = 0x00020000, 0x02000000, 0x04000000, 0x08000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000
RESOLVE_NO_XDEV, RESOLVE_NO_MAGICLINKS, RESOLVE_NO_SYMLINKS, RESOLVE_BENEATH = 0x01, 0x02, 0x04, 0x08
MOUNT_ATTR_RDONLY, MOUNT_ATTR_NOSUID, MOUNT_ATTR_NODEV, MOUNT_ATTR_NOEXEC = 0x01, 0x02, 0x04, 0x08
MS_REC, MS_PRIVATE, MS_SLAVE, MS_SHARED = 0x4000, 1 << 18, 1 << 19, 1 << 20
MNT_DETACH = 2
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_CAPBSET_DROP, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT = 1, 4, 24, 22, 38, 47
_OPEN_TREE_CLONE, _OPEN_TREE_CLOEXEC = 1, os.O_CLOEXEC
_MOVE_MOUNT_EMPTY = 0x04 | 0x40
_FSOPEN_CLOEXEC, _FSMOUNT_CLOEXEC, _FSCONFIG_SET_STRING, _FSCONFIG_CREATE = 1, 1, 1, 6
_STATX_BASIC, _STATX_MNT_ID = 0x7FF, 0x1000
_CAPABILITY_VERSION_3 = 0x20080522
_SECCOMP_MODE_FILTER = 2
LANDLOCK_RULE_PATH_BENEATH = 1

# System calls since Linux 5.0 have the same number on every architecture; older ones are listed in _OLDER.
_SYS_OPEN_TREE, _SYS_MOVE_MOUNT, _SYS_FSOPEN, _SYS_FSCONFIG, _SYS_FSMOUNT, _SYS_MOUNT_SETATTR, _SYS_OPENAT2 = (
    428,
    429,
    430,
    431,
    432,
    442,
    437,
)
_AT_SYMLINK_NOFOLLOW, _STATX_BTIME = 0x100, 0x800
_SYS_LANDLOCK_CREATE, _SYS_LANDLOCK_ADD, _SYS_LANDLOCK_RESTRICT = 444, 445, 446
_OLDER: dict[str, tuple[int, int, int]] = {"x86_64": (155, 126, 332), "aarch64": (41, 91, 291)}
_SYS_PIVOT_ROOT, _SYS_CAPSET, _SYS_STATX = _OLDER.get(os.uname().machine, (-1, -1, -1))

_libc = ctypes.CDLL(None, use_errno=True)


def _call(name: str, result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
    return result


def unshare(flags: int) -> None:
    """Move this process into new namespaces (CLONE_NEW*)."""
    _call("unshare", _libc.unshare(flags))


def setns(descriptor: int, kind: int) -> None:
    """Move this process into an opened namespace."""
    _call("setns", _libc.setns(descriptor, kind))


def openat2(root: int, path: str, flags: int, resolve: int, mode: int = 0) -> int:
    """A descriptor for `path` below `root`, resolved as `resolve` (RESOLVE_*) allows."""
    how = struct.pack("=QQQ", flags | os.O_CLOEXEC, mode, resolve)
    result = -1
    for _ in range(16):
        result = _libc.syscall(_SYS_OPENAT2, root, os.fsencode(path), how, ctypes.c_size_t(len(how)))
        # EAGAIN: a rename elsewhere in the tree may interrupt a resolution beneath a folder.
        if result >= 0 or ctypes.get_errno() != 11:
            break
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), path)
    return int(result)


def mount_id(descriptor: int) -> int:
    """The id of the mount that holds an opened file (STATX_MNT_ID)."""
    found = ctypes.create_string_buffer(256)
    _call("statx", _libc.syscall(_SYS_STATX, descriptor, b"", AT_EMPTY_PATH, _STATX_BASIC | _STATX_MNT_ID, found))
    return int(struct.unpack_from("=Q", found.raw, 0x90)[0])


def clone_tree(descriptor: int) -> int:
    """A detached copy of the mounts at and below an opened file or folder, as a descriptor."""
    flags = _OPEN_TREE_CLONE | _OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE
    return _call("open_tree", _libc.syscall(_SYS_OPEN_TREE, descriptor, b"", flags))


def restrict_tree(tree: int, attributes: int) -> None:
    """Set attributes (MOUNT_ATTR_*) on a tree of mounts and everything below it."""
    attr = struct.pack("=QQQQ", attributes, 0, 0, 0)
    flags = AT_EMPTY_PATH | AT_RECURSIVE
    _call("mount_setattr", _libc.syscall(_SYS_MOUNT_SETATTR, tree, b"", flags, attr, ctypes.c_size_t(len(attr))))


def restrict_mount(mount: int, attributes: int) -> None:
    """Set attributes on one attached mount without those below it, given a descriptor of its root."""
    attr = struct.pack("=QQQQ", attributes, 0, 0, 0)
    _call("mount_setattr", _libc.syscall(_SYS_MOUNT_SETATTR, mount, b"", AT_EMPTY_PATH, attr, ctypes.c_size_t(len(attr))))


def attach(tree: int, target: int) -> None:
    """Mount a detached tree on an opened file or folder."""
    _call("move_mount", _libc.syscall(_SYS_MOVE_MOUNT, tree, b"", target, b"", _MOVE_MOUNT_EMPTY))


def new_filesystem(kind: str, attributes: int, **options: str) -> int:
    """A detached mount of a new file system (tmpfs, proc, devpts), as a descriptor."""
    context = _call("fsopen", _libc.syscall(_SYS_FSOPEN, kind.encode(), _FSOPEN_CLOEXEC))
    try:
        for name, value in options.items():
            _call(f"fsconfig {name}", _libc.syscall(_SYS_FSCONFIG, context, _FSCONFIG_SET_STRING, name.encode(), value.encode(), 0))
        _call("fsconfig", _libc.syscall(_SYS_FSCONFIG, context, _FSCONFIG_CREATE, None, None, 0))
        return _call("fsmount", _libc.syscall(_SYS_FSMOUNT, context, _FSMOUNT_CLOEXEC, attributes))
    finally:
        os.close(context)


def propagate(flags: int) -> None:
    """Set how mounts below `/` propagate between namespaces (MS_PRIVATE, MS_SHARED, MS_SLAVE)."""
    _call("mount", _libc.mount(b"none", b"/", None, ctypes.c_ulong(MS_REC | flags), None))


def pivot_to(root: int) -> None:
    """Make an opened mount the root of this mount namespace and unmount the old root."""
    os.fchdir(root)
    _call("pivot_root", _libc.syscall(_SYS_PIVOT_ROOT, b".", b"."))
    _call("umount2", _libc.umount2(b".", MNT_DETACH))
    os.chdir("/")


def prctl(option: int, first: int = 0, second: int = 0) -> None:
    """prctl(2) with integer arguments."""
    _call(f"prctl {option}", _libc.prctl(option, ctypes.c_ulong(first), ctypes.c_ulong(second), 0, 0))


def bound_capabilities() -> None:
    """Empty the capability bounding set, so that no program that this process starts gains a capability by execve, even as uid 0."""
    with open("/proc/sys/kernel/cap_last_cap") as handle:
        last = int(handle.read())
    for capability in range(last + 1):
        try:
            prctl(PR_CAPBSET_DROP, capability)
        except OSError as error:
            if error.errno != 1:  # EPERM: without CAP_SETPCAP, execve cannot grant a capability anyway
                raise


def drop_capabilities() -> None:
    """Give up every capability of this process."""
    header = struct.pack("=Ii", _CAPABILITY_VERSION_3, 0)
    _call("capset", _libc.syscall(_SYS_CAPSET, header, bytes(24)))


def filter_calls(program: bytes) -> None:
    """Install a seccomp filter for this process and everything it starts. `program`: struct sock_filter[]."""
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    buffer = ctypes.create_string_buffer(program, len(program))
    descriptor = ctypes.create_string_buffer(struct.pack("@HxxxxxxP", len(program) // 8, ctypes.addressof(buffer)))
    _call("seccomp", _libc.prctl(PR_SET_SECCOMP, ctypes.c_ulong(_SECCOMP_MODE_FILTER), descriptor, 0, 0))


def landlock_version() -> int:
    """The landlock ABI version of the kernel, 0 without landlock."""
    return max(0, int(_libc.syscall(_SYS_LANDLOCK_CREATE, None, 0, 1)))


def landlock_ruleset(attributes: bytes) -> int:
    """A new ruleset (struct landlock_ruleset_attr), as a descriptor."""
    return _call("landlock", _libc.syscall(_SYS_LANDLOCK_CREATE, attributes, ctypes.c_size_t(len(attributes)), 0))


def landlock_allow(ruleset: int, rights: int, beneath: int) -> None:
    """Allow `rights` beneath an opened file or folder."""
    rule = struct.pack("=Qi", rights, beneath)
    _call("landlock", _libc.syscall(_SYS_LANDLOCK_ADD, ruleset, LANDLOCK_RULE_PATH_BENEATH, rule, 0))


def landlock_restrict(ruleset: int) -> None:
    """Apply a ruleset to this process and everything it starts. Requires no_new_privs."""
    _call("landlock", _libc.syscall(_SYS_LANDLOCK_RESTRICT, ruleset, 0))


def bring_up_loopback() -> None:
    """Bring up `lo` in this process's network namespace."""
    import fcntl
    import socket

    siocsifflags, iff_up = 0x8914, 0x1
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, siocsifflags, struct.pack("16sh14x", b"lo", iff_up))


def identity(descriptor: int) -> list[Any]:
    """[device, inode] of an opened file, with which a mount is compared with the plan."""
    found = os.fstat(descriptor)
    return [found.st_dev, found.st_ino]


def born_ns(folder: int, name: str) -> int:
    """The birth time of a file in an opened folder, in ns since the epoch; 0 if the file system does not record it (statx(2), stx_btime)."""
    buffer = ctypes.create_string_buffer(256)
    if _libc.statx(folder, os.fsencode(name), _AT_SYMLINK_NOFOLLOW, _STATX_BTIME, buffer):
        return 0
    mask = struct.unpack_from("=I", buffer, 0)[0]
    seconds, nanoseconds = struct.unpack_from("=qI", buffer, 80)
    return seconds * 1_000_000_000 + nanoseconds if mask & _STATX_BTIME else 0
