"""Downloads from a model hub: each one is a child process (`hub`), watched here.

Promise: no byte is fetched twice, however the child ended: pulling the same model again continues.
"""

import asyncio
import contextlib
import os
import shutil
import time
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

import msgspec

from opta_core.errors import OptaError, Refused, Unavailable
from opta_core.inheritance import python
from opta_core.logs import Log
from opta_protocol.error_info import ErrorCode
from opta_protocol.lmx import LmxAvailable, LmxPull

from ..model_events import ModelEvents
from .download_events import DownloadDone, DownloadEvent, DownloadFailed, DownloadFound, DownloadProgress

PULLS_MAX, LOOK_S = 4, 60.0
# Downloads that ended are listed for this long; an unfinished one stays on the disk, and pulling it again continues it.
ENDED_KEPT_S = 600.0
LINE_BYTES_MAX = 256 * 1024

_decoder = msgspec.json.Decoder(DownloadEvent)
log = Log("pulls")


class Pulls:
    """The downloads of this LMX. `clock` counts seconds."""

    def __init__(self, models: Path, hub: str, events: ModelEvents, clock: Callable[[], float] = time.monotonic):
        self._models, self._hub, self._events, self._clock = models, hub, events, clock
        self._ended: dict[str, float] = {}
        self._pulls: dict[str, LmxPull] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def entries(self) -> list[LmxPull]:
        """Every download that is in progress or paused, or ended a short time ago."""
        for name, ended in list(self._ended.items()):
            if self._clock() - ended > ENDED_KEPT_S:
                del self._ended[name], self._pulls[name]
        return list(self._pulls.values())

    async def look(self, repo: str, revision: str, token: str = "") -> LmxAvailable:
        """What a pull would fetch. Raises OptaError."""
        try:
            async with asyncio.timeout(LOOK_S):
                async with contextlib.aclosing(_lines(self._command(repo, revision, "unused", "--look"), token)) as lines:
                    async for event in lines:
                        if isinstance(event, DownloadFailed):
                            raise _problem(event)
                        if isinstance(event, DownloadFound):
                            return LmxAvailable(
                                repo=event.repo,
                                revision=event.revision,
                                bytes=event.bytes,
                                files=event.files,
                                licence=event.licence,
                                license_url=event.license_url,
                                free=await asyncio.to_thread(_free_bytes, self._models),
                            )
        except TimeoutError:
            raise Unavailable(f"The hub did not answer about {repo} within {LOOK_S:g} s. Try again later.") from None
        except OSError as error:
            raise Unavailable(f"The download program cannot be started: {error}.") from error
        raise Unavailable(f"The hub could not be asked about {repo}. LMX's log has the reason.")

    def start(self, repo: str, name: str, revision: str, token: str = "") -> LmxPull:
        """Begin or continue a download. Raises Refused: the model exists, or its download is in progress."""
        if (self._models / name).exists():
            raise Refused(f"There is a model {name!r} already.", code=ErrorCode.conflict)
        if name in self._tasks:
            raise Refused(f"{name!r} is being pulled already.", code=ErrorCode.conflict)
        if len(self._tasks) >= PULLS_MAX:
            raise OptaError(f"{PULLS_MAX} downloads are in progress.", code=ErrorCode.too_many_requests, retryable=True, retry_after_s=60)
        self._ended.pop(name, None)
        self._pulls[name] = LmxPull(name=name, repo=repo)
        self._tasks[name] = asyncio.create_task(self._run(name, repo, revision, token), name=f"pull {name}")
        self._tasks[name].add_done_callback(lambda _: self._tasks.pop(name, None))
        self._update(name)
        return self._pulls[name]

    async def pause(self, name: str) -> LmxPull:
        """End a download and keep what it fetched; `start` continues it. Raises Refused: it is not in progress."""
        task = self._tasks.get(name)
        if task is None:
            raise Refused(f"No download of {name!r} is in progress.", code=ErrorCode.not_found)
        self._pulls[name] = msgspec.structs.replace(self._pulls[name], state="paused")
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        # Its last file may have been put in place a moment before.
        if (self._models / name).exists():
            self._pulls[name] = msgspec.structs.replace(self._pulls[name], state="done", done=self._pulls[name].total)
            self._ended[name] = self._clock()
        self._update(name)
        return self._pulls[name]

    async def stop(self) -> None:
        """End every child; the files that they fetched stay."""
        for task in list(self._tasks.values()):
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _run(self, name: str, repo: str, revision: str, token: str) -> None:
        message = f"The download of {repo} was interrupted. Pull it again to continue."
        try:
            async with contextlib.aclosing(_lines(self._command(repo, revision, name), token)) as lines:
                async for event in lines:
                    self._take(name, event)
        except OSError as error:
            message = f"The download program cannot be started: {error}."
        finally:
            # No pull may stay "pulling" after its process ended.
            if self._pulls[name].state not in ("done", "failed", "paused"):
                self._pulls[name] = msgspec.structs.replace(self._pulls[name], state="failed", message=message)
            if self._pulls[name].state != "paused":
                self._ended[name] = self._clock()
            pull = self._pulls[name]
            log.info("pull ended", model=name, repo=repo, state=pull.state, reason=pull.message)
            self._update(name)

    def _take(self, name: str, event: DownloadEvent) -> None:
        match event:
            case DownloadFound():
                self._update(name, state="pulling", revision=event.revision, total=event.bytes, licence=event.licence)
            case DownloadProgress():
                self._update(name, done=event.done, total=event.total)
            case DownloadDone():
                self._pulls[name] = msgspec.structs.replace(self._pulls[name], state="done", done=self._pulls[name].total)
            case DownloadFailed():
                self._pulls[name] = msgspec.structs.replace(self._pulls[name], state="failed", message=event.message)

    def _update(self, name: str, **fields: object) -> None:
        self._pulls[name] = msgspec.structs.replace(self._pulls[name], **fields)
        self._events.publish("pull", **msgspec.structs.asdict(self._pulls[name]))

    def _command(self, repo: str, revision: str, name: str, *more: str) -> list[str]:
        options = [
            *more,
            "--token-stdin",
            *(["--endpoint", self._hub] if self._hub else []),
            *(["--revision", revision] if revision else []),
        ]
        return python("opta_lmx.models.download.hub", [*options, "--", repo, str(self._models / name)])


async def _lines(command: list[str], token: str) -> AsyncGenerator[DownloadEvent, None]:
    """The events of a download process, which ends with this generator. Raises OSError: it cannot be started."""
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=LINE_BYTES_MAX, env=dict(os.environ)
    )
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        # Not as an argument: every user of this machine can read those.
        process.stdin.write(f"{token}\n".encode())
        process.stdin.close()
        while line := await _next_line(process.stdout):
            with contextlib.suppress(msgspec.DecodeError):
                yield _decoder.decode(line)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _next_line(stdout: asyncio.StreamReader) -> bytes:
    """The next line; b'' at the end, or when a line is longer than the limit."""
    try:
        return await stdout.readline()
    except ValueError:
        return b""


def _free_bytes(folder: Path) -> int:
    """Free bytes of the disk that has or will have a folder; 0 when it cannot be asked."""
    existing = next((each for each in (folder, *folder.parents) if each.exists()), None)
    with contextlib.suppress(OSError):
        return shutil.disk_usage(existing).free if existing else 0
    return 0


def _problem(event: DownloadFailed) -> OptaError:
    if event.retryable:
        return Unavailable(event.message)
    return Refused(event.message, code=ErrorCode.model_not_found)
