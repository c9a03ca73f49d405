"""The store on a LocalBus, in one loop, with files that can be made to fail."""

import asyncio
import errno
import os
from pathlib import Path

from opta_core.bus.bus import LocalBus
from opta_core.bus.outbox import Outbox
from opta_core.bus.store_client import StoreClient
from opta_protocol.events import SessionStart, TurnStart
from opta_protocol.ids import new_boot_id
from opta_protocol.permissions import Level, Mode
from opta_sessions.catalog import SessionCatalog
from opta_sessions.files import FileSystem
from opta_sessions.queries import StoreQueries
from opta_sessions.storage import Storage
from opta_sessions.store import Store


class FailingFiles(FileSystem):
    """The n-th call of `kind` (write, sync) fails, once; a failing write leaves half of it behind."""

    def __init__(self, kind: str = "", number: int = 0):
        self._kind, self._number = kind, number
        self.calls = 0

    def write(self, descriptor: int, content: bytes) -> int:
        self._count("write", lambda: os.write(descriptor, content[: len(content) // 2]))
        return super().write(descriptor, content)

    def sync(self, descriptor: int) -> None:
        self._count("sync", lambda: None)
        super().sync(descriptor)

    def _count(self, kind: str, before: object) -> None:
        if kind == self._kind:
            self.calls += 1
            if self.calls == self._number:
                before()  # type: ignore[operator]
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class LocalStore:
    """A store, and a way to start it again over the same files."""

    def __init__(self, folder: Path, bus: LocalBus, files: FileSystem | None = None):
        self.folder, self.bus, self.files = folder, bus, files or FileSystem()
        for name in ("sessions", "trash", "archive"):
            (folder / name).mkdir(exist_ok=True)
        self.start()

    def start(self) -> None:
        """A new boot reads the journals."""
        catalog = SessionCatalog(self.folder / "sessions", {"trash": self.folder / "trash", "archive": self.folder / "archive"}, self.files)
        catalog.load()
        self.store = Store(self.bus, catalog, Storage(self.files, self.folder), new_boot_id())
        self.queries = StoreQueries(self.bus, self.store)

    def restart(self) -> None:
        """Stop, and start from what is on the disk."""
        self.store.close()
        self.start()

    def journal(self, sid: str) -> list[bytes]:
        """The lines on the disk."""
        return (self.folder / "sessions" / f"{sid}.jsonl").read_bytes().splitlines()


def start_of(sid: str) -> SessionStart:
    """The first event of a session."""
    return SessionStart(sid=sid, title="", cwd="/", mode=Mode.do, level=Level.L2)


def prompt(sid: str, text: str = "hello", key: str = "") -> TurnStart:
    """A prompt."""
    return TurnStart(sid=sid, role="user", text=text, mode=Mode.do, level=Level.L2, key=key, body=text)


class House:
    """A store with a gateway's and an agent's outbox, and a client for questions."""

    def __init__(self, folder: Path, files: FileSystem | None = None):
        self.bus = LocalBus()
        self.local = LocalStore(folder, self.bus, files)
        self.gateway = Outbox(self.bus, "gateway", "gate0000")
        self.agent = Outbox(self.bus, "agent", "agent000")
        self.client = StoreClient(self.bus)

    def close(self) -> None:
        """Stop everything."""
        self.gateway.close()
        self.agent.close()
        self.local.store.close()


async def settle() -> None:
    """Let everything that is under way on the loop happen."""
    for _ in range(20):
        await asyncio.sleep(0)
