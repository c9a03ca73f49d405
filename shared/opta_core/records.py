"""Typed JSON files of the home: readable by their user alone (0600), replaced atomically, and read again when they change."""

from collections.abc import Callable
from pathlib import Path
from typing import Generic, NoReturn, TypeVar

import msgspec

from .errors import OptaError
from .paths import folder_lock, write_whole

T = TypeVar("T")

# Creates the error for a file that cannot be read or decoded, from its path and the reason.
Damaged = Callable[[Path, Exception], OptaError]


class RecordFile(Generic[T]):
    """One JSON value of type `T` in `file`.

    `empty` creates the value of a missing file. A file that cannot be read or decoded raises the error that `damaged` creates;
    without `damaged` it counts as missing. Several processes may change a file at the same time with `update`; of two calls
    of `write`, the later one wins.
    """

    def __init__(self, file: Path, decoder: "msgspec.json.Decoder[T]", empty: Callable[[], T], damaged: Damaged | None = None):
        self.file = file
        self._decoder, self._empty, self._damaged = decoder, empty, damaged
        self._read: tuple[object, T] | None = None

    def read(self) -> T:
        """The current value; costs one stat when the file is unchanged. The value is shared: replace it, never modify it."""
        try:
            seen = self.file.stat()
            stamp = (seen.st_ino, seen.st_mtime_ns, seen.st_size)
            if self._read is None or self._read[0] != stamp:
                self._read = stamp, self._decoder.decode(self.file.read_bytes())
            return self._read[1]
        except FileNotFoundError:
            return self._empty()
        except (OSError, msgspec.DecodeError, RecursionError) as error:
            if self._damaged is not None:
                self._raise(self._damaged, error)
            return self._empty()

    def write(self, value: T) -> None:
        """Replace the value; it is on the disk when this returns. Creates the folder, 0700. Raises OSError."""
        self.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(self.file, msgspec.json.format(msgspec.json.encode(value)))

    def update(self, change: Callable[[T], T]) -> T:
        """Replace the value with `change(value)` and return the new value. Waits while another process or thread updates the folder.

        `change` must return a new value and must not update another record in the same folder. When it raises, the file is unchanged.
        """
        with folder_lock(self.file.parent):
            value = change(self.read())
            self.write(value)
            return value

    def _raise(self, damaged: Damaged, error: Exception) -> NoReturn:
        raise damaged(self.file, error) from error
