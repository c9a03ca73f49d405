"""Whether a folder is on a disk of this machine. A file system elsewhere may hang, and is never asked on an event loop."""

import re
import sys
from pathlib import Path

MOUNTS = Path("/proc/self/mountinfo")
# Kinds whose content is on a disk or in the memory of this machine. Others are elsewhere, may be, or ask another program.
_LOCAL = {
    "ext2",
    "ext3",
    "ext4",
    "xfs",
    "btrfs",
    "zfs",
    "f2fs",
    "bcachefs",
    "jfs",
    "tmpfs",
    "ramfs",
    "overlay",
    "vfat",
    "exfat",
    "squashfs",
}
_OCTAL = re.compile(r"\\([0-7]{3})")


def is_on_local_disk(folder: Path, mounts: Path = MOUNTS) -> bool:
    """Whether every mount on the way to a folder is local; False where that cannot be found out. Waits while the folder's file system hangs."""
    if sys.platform != "linux":
        return False
    try:
        lines = mounts.read_text(errors="surrogateescape").splitlines()
        real = folder.resolve()
    except OSError:
        return False
    # proc_pid_mountinfo(5): the fifth field is the mount point, and the first one behind "-" the kind.
    found = [(line.split(" ")[4], line.partition(" - ")[2].split(" ")[0]) for line in lines if " - " in line]
    kinds = [kind for point, kind in found if real.is_relative_to(_plain(point))]
    return bool(kinds) and _LOCAL.issuperset(kinds)


def _plain(point: str) -> str:
    """A mount point as a path: blanks are written as octal numbers."""
    return _OCTAL.sub(lambda found: chr(int(found[1], 8)), point)
