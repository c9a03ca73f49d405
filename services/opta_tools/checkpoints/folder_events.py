"""Which folders of a tree changed, from the kernel, so that nothing has to be looked at where nothing happened.

Linux has inotify(7). Elsewhere, on file systems of other machines, and when the kernel's limits are met, the answer is always
"not known", and the whole tree is looked at.
"""

import os
import sys
from pathlib import Path
from typing import Any

from opta_core.local_disk import is_on_local_disk
from opta_core.logs import Log

log = Log("checkpoints")


class FolderEvents:
    """The events of the folders that were added. `root`: of the tree."""

    def __init__(self, root: str):
        # Any: the library has no types.
        self._inotify: Any = None
        self._mask = 0
        # Watch -> path of its folder in the tree
        self._paths: dict[int, str] = {}
        if sys.platform == "linux" and is_on_local_disk(Path(root)):
            from inotify_simple import INotify, flags

            self._mask = int(
                flags.MODIFY
                | flags.ATTRIB
                | flags.CLOSE_WRITE
                | flags.CREATE
                | flags.DELETE
                | flags.MOVED_FROM
                | flags.MOVED_TO
                | flags.ONLYDIR
            )
            try:
                self._inotify = INotify()
            except OSError as error:
                log.warning("folders are not watched", reason=error)

    def close(self) -> None:
        """Stop watching."""
        if self._inotify is not None:
            self._inotify.close()
            self._inotify = None
            self._paths.clear()

    def add(self, path: str, descriptor: int) -> None:
        """Watch a folder, given its path in the tree and an open descriptor. Add it before it is read, so that no change is missed."""
        if self._inotify is None:
            return
        try:
            self._paths[self._inotify.add_watch(f"/proc/self/fd/{descriptor}", self._mask)] = path
        except OSError as error:
            log.warning("folders are not watched any more", reason=error, watched=len(self._paths))
            self.close()

    def take(self) -> set[str] | None:
        """The folders in which something changed since the last time; None when that is not known."""
        if self._inotify is None:
            return None
        from inotify_simple import flags

        changed: set[str] = set()
        events: list[Any] = self._inotify.read(timeout=0)
        for event in events:
            if event.mask & flags.Q_OVERFLOW:
                return None
            path = self._paths.get(event.wd)
            if event.mask & flags.IGNORED:
                # A new folder may have its path, and its inode, already.
                self._paths.pop(event.wd, None)
            if path is not None:
                changed.add(path)
                if not event.name and path:
                    # The folder itself: its entry is in the one above.
                    changed.add(os.path.dirname(path))
        return changed
