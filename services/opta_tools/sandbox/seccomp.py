"""The system call filter of contained processes, as a BPF program that is built without a library.

Format: struct sock_filter of linux/filter.h on struct seccomp_data of linux/seccomp.h. Processes that use a foreign architecture or the
x32 ABI are killed. The listed calls fail with an errno, so that programs can continue.
"""

import errno
import platform
import struct

_LOAD, _AND, _JUMP_EQUAL, _JUMP_AT_LEAST, _JUMP_SET, _RETURN = 0x20, 0x54, 0x15, 0x35, 0x45, 0x06
_ALLOW, _ERRNO, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_NUMBER, _ARCHITECTURE, _ARGUMENT = 0, 4, 16
_X32_BIT = 0x40000000
_AF_UNIX, _AF_INET, _AF_INET6, _AF_NETLINK = 1, 2, 10, 16
# Socket pairs of these types cannot be reconnected; a datagram pair (also as "raw") could be, to a socket of the machine.
_SOCK_STREAM, _SOCK_SEQPACKET, _SOCK_TYPE_MASK = 1, 5, 0xF
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C
_CLONE_NEWUSER, _CLONE_NAMESPACES = 0x10000000, 0x7E020000

# AUDIT_ARCH_*, then the numbers of asm/unistd.h.
_ARCHITECTURES: dict[str, tuple[int, dict[str, int]]] = {
    "x86_64": (
        0xC000003E,
        {
            "socket": 41, "socketpair": 53, "clone": 56, "ioctl": 16, "ptrace": 101, "mount": 165, "umount2": 166, "pivot_root": 155, "chroot": 161, "unshare": 272,
            "setns": 308, "bpf": 321, "keyctl": 250, "add_key": 248, "request_key": 249, "io_uring_setup": 425, "io_uring_enter": 426,
            "io_uring_register": 427, "kexec_load": 246, "kexec_file_load": 320, "init_module": 175, "finit_module": 313, "delete_module": 176,
            "swapon": 167, "swapoff": 168, "reboot": 169, "sethostname": 170, "setdomainname": 171, "acct": 163, "settimeofday": 164,
            "clock_settime": 227, "perf_event_open": 298, "userfaultfd": 323, "process_vm_readv": 310, "process_vm_writev": 311, "clone3": 435,
            "open_by_handle_at": 304, "name_to_handle_at": 303, "quotactl": 179, "nfsservctl": 180, "open_tree": 428, "move_mount": 429,
            "fsopen": 430, "fsconfig": 431, "fsmount": 432, "fspick": 433, "mount_setattr": 442, "pidfd_getfd": 438, "syslog": 103,
            "memfd_create": 319, "memfd_secret": 447, "iopl": 172, "ioperm": 173, "modify_ldt": 154, "lookup_dcookie": 212, "vmsplice": 278,
        },
    ),
    "aarch64": (
        0xC00000B7,
        {
            "socket": 198, "socketpair": 199, "clone": 220, "ioctl": 29, "ptrace": 117, "mount": 40, "umount2": 39, "pivot_root": 41, "chroot": 51, "unshare": 97,
            "setns": 268, "bpf": 280, "keyctl": 219, "add_key": 217, "request_key": 218, "io_uring_setup": 425, "io_uring_enter": 426,
            "io_uring_register": 427, "kexec_load": 104, "kexec_file_load": 294, "init_module": 105, "finit_module": 273, "delete_module": 106,
            "swapon": 224, "swapoff": 225, "reboot": 142, "sethostname": 161, "setdomainname": 162, "acct": 89, "settimeofday": 170,
            "clock_settime": 112, "perf_event_open": 241, "userfaultfd": 282, "process_vm_readv": 270, "process_vm_writev": 271, "clone3": 435,
            "open_by_handle_at": 265, "name_to_handle_at": 264, "quotactl": 60, "nfsservctl": 42, "open_tree": 428, "move_mount": 429,
            "fsopen": 430, "fsconfig": 431, "fsmount": 432, "fspick": 433, "mount_setattr": 442, "pidfd_getfd": 438, "syslog": 116,
            "memfd_create": 279, "memfd_secret": 447, "vmsplice": 75,
        },
    ),
}  # fmt: skip

# Calls with special treatment: refused depending on an argument, or with ENOSYS. Every other listed call is refused. memfd_create is
# reported as not implemented, so that programs use a file: its memory is attributed to no process, and a memory limit would miss it.
_BY_ARGUMENT = frozenset({"socket", "socketpair", "clone", "ioctl", "clone3", "memfd_create"})


def program(machine: str = "", *, without_internet: bool = False, with_unix_sockets: bool = False) -> bytes:
    """The filter for an architecture (default: of this machine); b'' for an unknown one."""
    known = _ARCHITECTURES.get(machine or platform.machine())
    if known is None:
        return b""
    architecture, numbers = known
    refuse = _ERRNO | errno.EPERM
    code = [
        _op(_LOAD, _ARCHITECTURE), _op(_JUMP_EQUAL, architecture, 1, 0), _op(_RETURN, _KILL),
        _op(_LOAD, _NUMBER),
    ]  # fmt: skip
    if architecture == _ARCHITECTURES["x86_64"][0]:
        code += [_op(_JUMP_AT_LEAST, _X32_BIT, 0, 1), _op(_RETURN, _KILL)]
    # Without clone3 (ENOSYS), C libraries use clone, whose flags a filter can read.
    code += [_op(_JUMP_EQUAL, numbers["clone3"], 0, 1), _op(_RETURN, _ERRNO | errno.ENOSYS)]
    for name, number in numbers.items():
        if name not in _BY_ARGUMENT:
            code += [_op(_JUMP_EQUAL, number, 0, 1), _op(_RETURN, refuse)]
    code += [_op(_JUMP_EQUAL, numbers["memfd_create"], 0, 1), _op(_RETURN, _ERRNO | errno.ENOSYS)]
    families = (_AF_NETLINK,) if without_internet else (_AF_INET, _AF_INET6, _AF_NETLINK)
    if with_unix_sockets:
        families = (_AF_UNIX, *families)
    code += _unless(numbers["socket"], 0, families, refuse)
    code += _unless(numbers["socketpair"], 1, (_SOCK_STREAM, _SOCK_SEQPACKET), refuse, mask=_SOCK_TYPE_MASK)
    code += _when(numbers["ioctl"], 1, _JUMP_EQUAL, (_TIOCSTI, _TIOCLINUX), refuse)
    code += _when(numbers["clone"], 0, _JUMP_SET, (_CLONE_NEWUSER | _CLONE_NAMESPACES,), refuse)
    code.append(_op(_RETURN, _ALLOW))
    return b"".join(code)


def _unless(number: int, argument: int, values: tuple[int, ...], action: int, *, mask: int = 0) -> list[bytes]:
    """Refuse call `number` unless the low 32 bits of an argument, limited to the bits in `mask` if given, are one of `values`."""
    body = [_op(_LOAD, _ARGUMENT + 8 * argument), *([_op(_AND, mask)] if mask else [])]
    body += [_op(_JUMP_EQUAL, value, len(values) - place, 0) for place, value in enumerate(values)]
    body += [_op(_RETURN, action), _op(_LOAD, _NUMBER)]
    return [_op(_JUMP_EQUAL, number, 0, len(body)), *body]


def _when(number: int, argument: int, jump: int, values: tuple[int, ...], action: int) -> list[bytes]:
    """Refuse call `number` when the low 32 bits of an argument equal one of `values`, or with _JUMP_SET share a bit with one."""
    body = [_op(_LOAD, _ARGUMENT + 8 * argument)]
    for value in values:
        body += [_op(jump, value, 0, 1), _op(_RETURN, action)]
    body += [_op(_LOAD, _NUMBER)]
    return [_op(_JUMP_EQUAL, number, 0, len(body)), *body]


def _op(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)
