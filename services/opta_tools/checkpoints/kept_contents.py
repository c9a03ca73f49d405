"""The contents of a workspace's files, now and before they were changed, in one SQLite file: whole or not at all, also after a kill."""

import contextlib
import hashlib
import os
import sqlite3
import threading
import time
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from opta_core.logs import Log

# Together, compressed; beyond it the least recently kept ones go that the workspace does not hold any more.
BYTES_MAX = 1024**3
_TABLES = """
CREATE TABLE IF NOT EXISTS contents (sha256 TEXT PRIMARY KEY, kept_at REAL, size INTEGER, packed BLOB);
CREATE TABLE IF NOT EXISTS folders (path TEXT PRIMARY KEY, entries BLOB);
"""
_SMALL = 128
T = TypeVar("T")
log = Log("checkpoints")


class KeptContents:
    """The file `contents.sqlite` in `folder`, mode 0600. May be used from any thread. Methods raise OSError, in words for people.

    A damaged file is put aside and begun anew.
    """

    def __init__(self, folder: Path):
        self._file = folder / "contents.sqlite"
        self._lock = threading.RLock()
        self._open: sqlite3.Connection | None = None
        self._inode = 0
        # Changes when what was kept is lost.
        self.edition = 0

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._open is not None:
                self._open.close()
                self._open = None

    def is_lost(self, edition: int) -> bool:
        """Whether what was kept at that edition is lost: the file was damaged, or somebody removed it."""
        with self._lock:
            self._database()
            return self.edition != edition

    def keep(self, contents: Iterable[bytes]) -> list[str]:
        """Keep contents; their sha256. A kill does not lose them."""
        names: list[str] = []
        with self._transaction() as database:
            for content in contents:
                name = hashlib.sha256(content).hexdigest()
                names.append(name)
                if database.execute("UPDATE contents SET kept_at = ? WHERE sha256 = ?", (time.time(), name)).rowcount:
                    continue
                packed = zlib.compress(content, 1) if len(content) > _SMALL else content
                if len(packed) >= len(content):
                    packed = content
                database.execute("INSERT INTO contents VALUES (?, ?, ?, ?)", (name, time.time(), len(content), packed))
        return names

    def content(self, sha256: str) -> bytes | None:
        """A kept content; None when it is not kept, or damaged."""
        with self._transaction() as database:
            row = database.execute("SELECT size, packed FROM contents WHERE sha256 = ?", (sha256,)).fetchone()
        if row is None:
            return None
        size, packed = row
        with contextlib.suppress(zlib.error):
            content = packed if len(packed) == size else zlib.decompress(packed)
            if hashlib.sha256(content).hexdigest() == sha256:
                return content
        return None

    def folders(self, kind: "msgspec.json.Decoder[T]") -> dict[str, T]:
        """What was recorded of each folder of the workspace, by path."""
        with self._transaction() as database:
            return {path: kind.decode(entries) for path, entries in database.execute("SELECT path, entries FROM folders")}

    def put_folders(self, folders: dict[str, Any]) -> None:
        """Record folders; None for one that is gone."""
        with self._transaction() as database:
            for path, entries in folders.items():
                if entries is None:
                    database.execute("DELETE FROM folders WHERE path = ?", (path,))
                else:
                    database.execute("INSERT OR REPLACE INTO folders VALUES (?, ?)", (path, msgspec.json.encode(entries)))

    def bound(self, live: set[str], bytes_max: int = BYTES_MAX) -> None:
        """Remove the least recently kept contents that are not `live`, until the rest fits."""
        with self._transaction() as database:
            (total,) = database.execute("SELECT TOTAL(LENGTH(packed)) FROM contents").fetchone()
            if total <= bytes_max:
                return
            for name, size in database.execute("SELECT sha256, LENGTH(packed) FROM contents ORDER BY kept_at").fetchall():
                if total <= bytes_max:
                    break
                if name not in live:
                    database.execute("DELETE FROM contents WHERE sha256 = ?", (name,))
                    total -= size

    @contextlib.contextmanager
    def _transaction(self) -> Any:
        with self._lock:
            database = self._database()
            try:
                database.execute("BEGIN IMMEDIATE")
                yield database
                database.execute("COMMIT")
            except sqlite3.Error as error:
                with contextlib.suppress(sqlite3.Error):
                    database.execute("ROLLBACK")
                if _is_damaged(error):
                    self._put_aside()
                raise OSError(f"the file of kept contents cannot be used: {error}") from error
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    database.execute("ROLLBACK")
                raise

    def _database(self) -> sqlite3.Connection:
        if self._open is not None and self._inode_now() != self._inode:
            log.error("the kept contents were removed; they are begun anew", file=str(self._file))
            self.close()
            self.edition += 1
        if self._open is None:
            for attempt in range(2):
                try:
                    self._open = self._connected()
                    self._inode = self._inode_now()
                    break
                except sqlite3.Error as error:
                    if attempt or not _is_damaged(error):
                        raise OSError(f"the file of kept contents cannot be opened: {error}") from error
                    self._put_aside()
        assert self._open is not None
        return self._open

    def _connected(self) -> sqlite3.Connection:
        self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(self._file, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
        database = sqlite3.connect(self._file, timeout=10, isolation_level=None, check_same_thread=False)
        try:
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = NORMAL")
            database.executescript(_TABLES)
        except BaseException:
            database.close()
            raise
        return database

    def _inode_now(self) -> int:
        try:
            return self._file.stat().st_ino
        except OSError:
            return 0

    def _put_aside(self) -> None:
        self.close()
        self.edition += 1
        log.error("the kept contents are damaged; they are put aside, and begun anew", file=str(self._file))
        for end in ("", "-wal", "-shm"):
            with contextlib.suppress(OSError):
                os.replace(f"{self._file}{end}", f"{self._file}.damaged{end}")


def _is_damaged(error: sqlite3.Error) -> bool:
    return getattr(error, "sqlite_errorname", "").startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB"))
