"""A store that starts over one journal made by hand, beside a sound one."""

import asyncio
import contextlib
import subprocess
from collections.abc import Awaitable, Callable, Generator
from pathlib import Path

import msgspec

from opta_protocol import events as e
from opta_protocol import wire
from opta_protocol.commands import AppendResult
from opta_protocol.http import Session
from support.limits import limit_s

from .events import journal
from .store import House, prompt, start_of

SID, OTHER = "abcdef", "ghjkmn"
DONE = e.TurnDone(sid=SID, turn="t1", tokens=1, elapsed=1, tokensPerSec=1, tools=0, steps=1, finish="stop")
LINES = journal(
    start_of(SID),
    msgspec.structs.replace(prompt(SID), turn="t1"),
    e.StepStart(sid=SID, turn="t1", step=1, provider="p", model="m", attempt=1),
    e.TurnToken(sid=SID, turn="t1", delta="é"),
    DONE,
)
WHOLE = b"".join(line + b"\n" for line in LINES)

Story = Callable[[House], Awaitable[object]]


def play(folder: Path, story: Story, content: bytes | None = None) -> None:
    """Tell a story to a store that starts over `content` as one session's file, beside a session that is well."""
    sessions = folder / "sessions"
    if not sessions.exists():
        sessions.mkdir(parents=True)
        file_of(folder, OTHER).write_bytes(journal(start_of(OTHER))[0] + b"\n")
    if content is not None:
        file_of(folder).write_bytes(content)

    async def main() -> None:
        async with asyncio.timeout(limit_s(15)):
            house = House(folder)
            try:
                await story(house)
            finally:
                house.close()

    asyncio.run(main())


def file_of(folder: Path, sid: str = SID) -> Path:
    return folder / "sessions" / f"{sid}.jsonl"


async def listed(house: House) -> dict[str, Session]:
    return {session.id: session for session in (await house.client.sessions(limit=1000)).sessions}


async def ask(house: House, key: str = "") -> AppendResult:
    return await house.gateway.written(prompt(SID, key=key))


async def replayed(house: House) -> list[bytes]:
    """What a client reads: whole lines with contiguous seq, from wherever it begins."""
    lines = await house.client.all_after(SID, 0)
    assert all(wire.is_whole(line) for line in lines)
    assert [wire.read_header(line).seq for line in lines] == list(range(1, len(lines) + 1))
    for seq in range(len(lines) + 2):
        assert await house.client.all_after(SID, seq) == lines[seq:]
    return lines


@contextlib.contextmanager
def disk(at: Path, size: str) -> Generator[None]:
    """A file system of its own in memory: small, or quick where a test syncs thousands of times."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=700", "tmpfs", str(at)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(at)], check=True)
