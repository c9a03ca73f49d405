"""Tests run as root in CI, and users do not: a test of a denied folder gives up root's right to read everything for a moment."""

import ctypes
import os
import sys
from collections.abc import Generator
from contextlib import contextmanager

# CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH, see capabilities(7).
_READS_ALL = 1 << 1 | 1 << 2
_VERSION_3 = 0x20080522


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Data(ctypes.Structure):
    _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))


@contextmanager
def held_by_permissions() -> Generator[None, None, None]:
    """In this thread, the permissions of files hold as for an ordinary user. Raises OSError when they cannot be made to."""
    if os.geteuid() != 0:
        yield
        return
    if sys.platform != "linux":
        raise OSError("Only Linux can take this right from root.")
    libc = ctypes.CDLL(None, use_errno=True)
    header, data = _Header(_VERSION_3, 0), (_Data * 2)()
    _checked(libc.capget(ctypes.byref(header), data))
    before = data[0].effective
    data[0].effective = before & ~_READS_ALL
    _checked(libc.capset(ctypes.byref(header), data))
    try:
        yield
    finally:
        data[0].effective = before
        _checked(libc.capset(ctypes.byref(header), data))


def _checked(result: int) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
