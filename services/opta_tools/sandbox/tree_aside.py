"""Puts files of a tree aside, by path, and only if they are still the files that were found."""

import contextlib
import errno
import os

from opta_core.logs import Log

from .aside import Aside, aside_note, quoted, renew
from .control import Control
from .controls import Controls

# Errors when the file at a path was replaced meanwhile: the next check finds the replacement.
EXCHANGED = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EXDEV)
log = Log("sandbox")


class GuardError(Exception):
    """The files that commands made could not be checked. No further command runs until they can be."""


class TreeAside:
    """Moves files out of the tree of `controls` into the folder of `aside`."""

    def __init__(self, controls: Controls, aside: Aside):
        self._controls, self.aside = controls, aside

    def put(self, path: str, control: Control | None = None) -> list[str]:
        """Put the file at a path aside. Returns notes. Raises GuardError if it cannot be reached.

        `control`: the control file that was found there; another file is left alone.
        """
        if not path:
            return []
        above, name = self.parent(path)
        if above < 0:
            return []
        try:
            seen = os.fstat(above)
            if control is not None and control.above not in ((0, 0), (seen.st_dev, seen.st_ino)):
                return []  # the folder was replaced meanwhile: the next check finds the replacement
            kept = self.aside.take(above, name, control.identity if control is not None else None)
        except FileNotFoundError:
            return []
        finally:
            os.close(above)
        if not kept:
            return []
        log.warning("put aside", path=path, kept=kept)
        return [aside_note(path, kept)]

    def restore_link(self, path: str, text: str) -> list[str]:
        """Restore a symbolic link with the target `text`. Returns notes."""
        notes = self.put(path)
        above, name = self.parent(path)
        if above >= 0:
            with contextlib.suppress(OSError):
                os.symlink(text, name, dir_fd=above)
                notes.append(f"{quoted(path)} was restored as the symbolic link that it was.")
            os.close(above)
        return notes

    def renew(self, control: Control) -> None:
        """Replace a file by a copy when it got another name while commands ran: it could be written through that name later."""
        above, name = self.parent(control.path)
        if above >= 0:
            with contextlib.suppress(OSError):
                renew(above, name, os.stat(name, dir_fd=above, follow_symlinks=False))
            os.close(above)

    def parent(self, path: str) -> tuple[int, str]:
        """(descriptor of the folder that holds a path, name in it); -1 if the folder was replaced meanwhile. Raises GuardError."""
        folder, _, name = path.rpartition("/")
        try:
            return self._controls.open_folder(folder), name
        except OSError as error:
            if error.errno in EXCHANGED:
                return -1, name
            raise GuardError(
                f"{quoted(path)} cannot be checked ({error.strerror}); remove it before another command runs in this folder"
            ) from error
