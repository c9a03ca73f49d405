"""Downloads from a model hub: one child each, watched as they go; the download itself is `hub`.

Promise: what was fetched is not fetched again, whatever ended the child: asking for the same model once more goes on.
"""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec

from opta_core.errors import OptaError, Refused, Unavailable
from opta_core.inheritance import python
from opta_core.logs import Log
from opta_protocol.errors import ErrorCode

from ...server.model_events import ModelEvents

PULLS_MAX, LOOK_S = 4, 60.0
LINE_BYTES_MAX = 256 * 1024

log = Log("pulls")


class Pull(msgspec.Struct, kw_only=True):
    """One download, as `/admin/models` tells of it. `done` and `total` are bytes."""

    name: str
    repo: str
    state: str = "looking"
    revision: str = ""
    licence: str = ""
    done: int = 0
    total: int = 0
    message: str = ""


class Pulls:
    """The downloads of this LMX, those that ended included."""

    def __init__(self, models: Path, hub: str, news: ModelEvents):
        self._models, self._hub, self._news = models, hub, news
        self._pulls: dict[str, Pull] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def entries(self) -> list[dict[str, Any]]:
        """Every download."""
        return [msgspec.to_builtins(pull) for pull in self._pulls.values()]

    async def look(self, repo: str, revision: str, token: str = "") -> dict[str, Any]:
        """What a hub has: repo, revision, bytes, files, licence. Raises OptaError."""
        found: dict[str, Any] = {}
        try:
            async with asyncio.timeout(LOOK_S):
                async for event in _events(self._command(repo, revision, "unused", "--look"), token):
                    if event.get("event") == "failed":
                        raise _problem(event)
                    found = event
        except TimeoutError:
            raise Unavailable(f"The hub said nothing about {repo} for {LOOK_S:g} s.") from None
        if not found:
            raise Unavailable(f"The hub could not be asked about {repo}; LMX's log has more.")
        return {key: value for key, value in found.items() if key != "event"}

    def start(self, repo: str, name: str, revision: str, token: str = "") -> dict[str, Any]:
        """Begin, or go on with, a download. Raises Refused: it is there, or under way."""
        if (self._models / name).exists():
            raise Refused(f"There is a model {name!r} already.", code=ErrorCode.conflict)
        if name in self._tasks:
            raise Refused(f"{name!r} is being pulled.", code=ErrorCode.conflict)
        if len(self._tasks) >= PULLS_MAX:
            raise OptaError(f"{PULLS_MAX} downloads are under way.", code=ErrorCode.too_many_requests, retryable=True, retry_after_s=60)
        pull = self._pulls[name] = Pull(name=name, repo=repo)
        self._tasks[name] = asyncio.create_task(self._run(pull, revision, token), name=f"pull {name}")
        self._tasks[name].add_done_callback(lambda _: self._tasks.pop(name, None))
        self._news.tell("pull", **msgspec.to_builtins(pull))
        return msgspec.to_builtins(pull)

    async def stop(self) -> None:
        """End every child; what they fetched stays."""
        for task in list(self._tasks.values()):
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _run(self, pull: Pull, revision: str, token: str) -> None:
        try:
            async for event in _events(self._command(pull.repo, revision, pull.name), token):
                self._take(pull, event)
        except OSError as error:
            pull.message = str(error)
        if pull.state not in ("done", "failed"):
            pull.state = "failed"
            pull.message = pull.message or f"The download of {pull.repo} was cut off. Pull it again to go on."
        log.info("pull ended", model=pull.name, repo=pull.repo, state=pull.state, reason=pull.message)
        self._news.tell("pull", **msgspec.to_builtins(pull))

    def _take(self, pull: Pull, event: dict[str, Any]) -> None:
        match event:
            case {"event": "found", "revision": str() as revision, "bytes": int() as total}:
                pull.state, pull.revision, pull.total, pull.licence = "pulling", revision, total, str(event.get("licence") or "")
            case {"event": "progress", "done": int() as done, "total": int() as total}:
                pull.done, pull.total = done, total
            case {"event": "done"}:
                pull.state, pull.done = "done", pull.total
                return
            case {"event": "failed", "message": str() as message}:
                pull.state, pull.message = "failed", message
                return
            case _:
                return
        self._news.tell("pull", **msgspec.to_builtins(pull))

    def _command(self, repo: str, revision: str, name: str, *more: str) -> list[str]:
        options = [
            *more,
            "--token-stdin",
            *(["--endpoint", self._hub] if self._hub else []),
            *(["--revision", revision] if revision else []),
        ]
        return python("opta_lmx.models.download.hub", [*options, "--", repo, str(self._models / name)])


async def _events(command: list[str], token: str) -> AsyncIterator[dict[str, Any]]:
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=LINE_BYTES_MAX, env=dict(os.environ)
    )
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        # Not as an argument, which everybody on this machine could read.
        process.stdin.write(f"{token}\n".encode())
        process.stdin.close()
        async for line in process.stdout:
            with contextlib.suppress(msgspec.DecodeError):
                yield msgspec.json.decode(line, type=dict[str, Any])
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def _problem(event: dict[str, Any]) -> OptaError:
    message = str(event.get("message") or "The hub refused.")
    if event.get("retryable"):
        return Unavailable(message)
    return Refused(message, code=ErrorCode.model_not_found)
