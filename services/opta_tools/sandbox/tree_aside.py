"""Puts aside what lies in a tree, by path and only while it is still what was seen."""

import contextlib
import errno
import os

from opta_core.logs import Log

from .aside import Aside, quoted, renew, said_of
from .control import Control
from .controls import Controls

# What lies at a path was exchanged meanwhile: the next look finds what is there.
EXCHANGED = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EXDEV)
log = Log("sandbox")


class GuardError(Exception):
    """What commands made could not be looked at; nothing more runs until it can."""


class TreeAside:
    """What `aside` takes out of the tree of `controls`."""

    def __init__(self, controls: Controls, aside: Aside):
        self._controls, self.aside = controls, aside

    def put(self, path: str, control: Control | None = None) -> list[str]:
        """Move something away; `control`: only when it is still what was seen. Raises GuardError where it cannot be reached."""
        if not path:
            return []
        above, name = self.parent(path)
        if above < 0:
            return []
        try:
            seen = os.fstat(above)
            if control is not None and control.above not in ((0, 0), (seen.st_dev, seen.st_ino)):
                return []  # the folder was exchanged meanwhile: the next look finds what is there
            kept = self.aside.take(above, name, control.identity if control is not None else None)
        except FileNotFoundError:
            return []
        finally:
            os.close(above)
        if not kept:
            return []
        log.warning("put aside", path=path, kept=kept)
        return [said_of(path, kept)]

    def restore_link(self, path: str, text: str) -> list[str]:
        """Put a link back in its place; what to say."""
        notes = self.put(path)
        above, name = self.parent(path)
        if above >= 0:
            with contextlib.suppress(OSError):
                os.symlink(text, name, dir_fd=above)
                notes.append(f"{quoted(path)} is the link again that it was.")
            os.close(above)
        return notes

    def renew(self, control: Control) -> None:
        """Give a file that got another name while commands ran a copy in its place: through that name it could be written later."""
        above, name = self.parent(control.path)
        if above >= 0:
            with contextlib.suppress(OSError):
                renew(above, name, os.stat(name, dir_fd=above, follow_symlinks=False))
            os.close(above)

    def parent(self, path: str) -> tuple[int, str]:
        """(descriptor of the folder that holds a path, name in it); -1 when it was exchanged meanwhile. Raises GuardError."""
        folder, _, name = path.rpartition("/")
        try:
            return self._controls.open_folder(folder), name
        except OSError as error:
            if error.errno in EXCHANGED:
                return -1, name
            raise GuardError(
                f"{quoted(path)} cannot be looked at ({error.strerror}); remove it before anything more runs in this folder"
            ) from error
