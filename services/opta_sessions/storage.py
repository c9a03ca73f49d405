"""Tracks whether the disk can be written: since when it cannot, with a test write each second until it can."""

from pathlib import Path

from opta_core.clock import now_s
from opta_core.logs import Log

from .files import FileSystem, replace_whole

# When the disk is full for longer, running turns are ended.
PATIENCE_S = 10.0
LOOK_AGAIN_S = 1.0

log = Log("storage")


class Storage:
    """Remembers failed writes and syncs."""

    def __init__(self, files: FileSystem, folder: Path):
        self._files, self._file = files, folder / ".probe"
        self._failing_since = self._failed_at = self._looked_at = 0.0

    @property
    def is_failing(self) -> bool:
        """Whether the last write or sync failed."""
        return self._failing_since > 0

    def failed(self, error: OSError) -> None:
        """Note that a write or sync failed."""
        self._failed_at = now_s()
        if not self._failing_since:
            log.error("storage refuses writes", reason=error.strerror or error)
            self._failing_since = self._failed_at

    def worked(self) -> bool:
        """Note that a write is on the disk. Returns True when writes had failed for longer than turns may wait."""
        if not self._failing_since:
            return False
        lasted_s = self._failed_at - self._failing_since
        log.info("storage works again", failed_for_s=round(lasted_s, 1))
        self._failing_since = 0.0
        return lasted_s > PATIENCE_S

    def begin(self) -> None:
        """Try a write at the start, when the disk may not be writable."""
        try:
            self._try()
        except OSError as error:
            self.failed(error)

    def look(self) -> bool:
        """While writes fail, write a small test file once a second. Returns the same as `worked`."""
        now = now_s()
        if not self.is_failing or now - self._looked_at < LOOK_AGAIN_S:
            return False
        self._looked_at = now
        try:
            self._try()
        except OSError as error:
            self.failed(error)
            return False
        return self.worked()

    def _try(self) -> None:
        replace_whole(self._files, self._file, b"The store tried whether this disk takes writes.\n")
        self._files.unlink(self._file)
