"""Runs the user's command (`notify.command`) when a turn ends or a person has to answer, so that nobody has to watch.

The command is a program with its arguments, never a line for a shell. `{title}` and `{text}` in the arguments are replaced; the whole
notification is on its standard input as JSON. It gets `COMMAND_S`; what it prints is not read. Events that came while the gateway was away
are not reported later: they are news only when they are new.
"""

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable

import msgspec

from opta_core.clock import now_s
from opta_core.errors import OptaError
from opta_core.logs import Log
from opta_core.notify_settings import NotifySettings
from opta_core.settings import environment
from opta_protocol import wire
from opta_protocol.events import PermissionRequest, QuestionAsked, SessionCancelled, TurnDone, TurnError, TurnStart
from opta_protocol.http import Session
from opta_protocol.tools.declared import tool_of

COMMAND_S = 10.0
# Commands at once; more notifications at that moment are dropped, because they would only pile up.
COMMANDS_MAX = 4
TURNS_MAX = 1000
TEXT_CHARS_MAX = 200
ENDED = ("done", "failed", "stopped")
_NAMES = frozenset({"turn.start", "turn.done", "turn.error", "session.cancelled", "permission.request", "question.asked"})
log = Log("notifier")


class Notification(msgspec.Struct, frozen=True, kw_only=True):
    """What happened, on the command's standard input. `kind`: done, failed, stopped, permission or question."""

    kind: str
    sid: str
    turn: str
    title: str
    text: str


class Notifier:
    """`settings` gives those of now; `session` finds a session by its id."""

    def __init__(self, settings: Callable[[], NotifySettings], session: Callable[[str], Awaitable[Session]]):
        self._settings, self._session = settings, session
        # (session, turn) -> when it was accepted.
        self._began: OrderedDict[tuple[str, str], float] = OrderedDict()
        self._running: set[asyncio.Task[None]] = set()

    def take(self, lines: list[bytes]) -> None:
        """Lines of any session, as they are published."""
        for line in lines:
            if wire.event_name(line) not in _NAMES:
                continue
            event = wire.decode(line)
            if isinstance(event, TurnStart):
                self._began[event.sid, event.turn] = now_s()
                if len(self._began) > TURNS_MAX:
                    self._began.popitem(last=False)
                continue
            settings = self._settings()
            if not settings.command or (said := self._said(event, settings.min_s)) is None:
                continue
            if len(self._running) >= COMMANDS_MAX:
                log.warning("notification dropped", kind=said[0], session=event.sid, running=len(self._running))
                continue
            task = asyncio.create_task(self._report(settings.command, event.sid, event.turn, *said), name="notify")
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def close(self) -> None:
        """End the commands that still run."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    def _said(self, event: object, min_s: float) -> tuple[str, str] | None:
        """(kind, text) of an event; None when it is no news. A turn that was short, or that its person stopped, is none."""
        match event:
            case TurnDone():
                said = "done", f"Finished: {event.tools} tool calls" if event.finish == "stop" else "Stopped at a limit; it is not finished"
            case TurnError():
                said = "failed", f"Failed: {event.message}"
            case SessionCancelled() if event.by != "client":
                said = "stopped", f"Stopped: {event.reason}"
            case PermissionRequest():
                return (
                    "permission",
                    f"Needs your answer: {event.name} {tool_of(event.name, event.server, event.schema).summary(event.args)}",
                )
            case QuestionAsked():
                return "question", f"Asks you: {event.text}"
            case _:
                return None
        began = self._began.pop((event.sid, event.turn), None)
        return said if began is None or now_s() - began >= min_s else None

    async def _report(self, command: list[str], sid: str, turn: str, kind: str, text: str) -> None:
        title = f"s-{sid}"
        with contextlib.suppress(OptaError):
            session = await self._session(sid)
            title = session.title or title
            if session.parentCall and kind in ENDED:
                # The end of a sub-agent is no news for people: the turn that started it goes on.
                return
            if session.parentCall:
                title = f"{title} (sub-agent of s-{session.parent})"
        said = Notification(kind=kind, sid=sid, turn=turn, title=f"Opta: {_plain(title)}", text=_plain(text))
        # Replaced in one pass, so that no text can hold a mark.
        arguments = [part.replace("{title}", "\0").replace("{text}", said.text).replace("\0", said.title) for part in command]
        try:
            await self._run(arguments, msgspec.json.encode(said) + b"\n")
        except OSError as error:
            log.warning("notify.command cannot be started", command=command[0], reason=error)

    async def _run(self, arguments: list[str], content: bytes) -> None:
        process = await asyncio.create_subprocess_exec(
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            env=environment(),
        )
        try:
            async with asyncio.timeout(COMMAND_S):
                await process.communicate(content)
            if process.returncode:
                log.warning("notify.command failed", command=arguments[0], exit=process.returncode)
        except TimeoutError:
            log.warning("notify.command was ended", command=arguments[0], after_s=COMMAND_S)
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()


def _plain(text: str) -> str:
    """A text on one line, without control characters."""
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    return line if len(line) <= TEXT_CHARS_MAX else f"{line[: TEXT_CHARS_MAX - 1]}…"
