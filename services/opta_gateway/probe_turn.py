"""The probe: a small turn of its own through the same path as any turn. It has to use a tool, and never goes to a fallback."""

import asyncio
import contextlib
import os
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from opta_core.clock import now_s
from opta_core.errors import OptaError
from opta_core.logs import Log
from opta_protocol import events as e
from opta_protocol import wire
from opta_protocol.http_triage import ProbeFacts
from opta_protocol.ids import new_session_id
from opta_protocol.permissions import Level, Mode

from .app import Gateway

# Short, and in the form that the built-in model knows too.
FILE, CONTENT, PROMPT = "sum.txt", "2+2 = 4\n", "Read the file sum.txt"
TITLE = "Probe of opta doctor"
APPEND_S, STOP_S, TRASH_S = 3.0, 60.0, 2.0
STEPS_MAX = 4

log = Log("gateway")


@dataclass
class _Seen:
    """What was seen of the probe turn so far. Times are of `clock.now_s`."""

    began_at: float
    text: str = ""
    tool: Any = ""
    reason: str = ""
    code: str = ""
    # What the turn is waiting for.
    waiting: str = "agent"
    first_token_at: float = 0.0
    seq: int = 0
    ending: e.Event | None = None
    called: set[str] = field(default_factory=set[str])

    def take(self, event: e.AnyEvent | e.Unknown) -> None:
        """The next event of the session."""
        self.seq = event.seq
        match event:
            case e.StepStart():
                self.waiting, self.text = "prompt", ""
            case e.StepWaiting(phase=phase):
                self.waiting = phase
            case e.TurnToken(delta=delta):
                self._hear()
                self.text += delta
            case e.TurnThinking():
                self._hear()
            case e.ToolCall(name="read_file", callId=call):
                self._hear()
                self.called.add(call)
                self.waiting, self.tool = "tool", "failed"
            case e.ToolResult(callId=call, ok=is_ok) if call in self.called:
                self.waiting = "agent"
                self.tool = "ok" if is_ok else "failed"
                self.reason, self.code = ("", "") if is_ok else (event.content[:300], event.code)
            case e.TurnDone() | e.TurnError() | e.SessionCancelled():
                self.ending = event
            case _:
                pass

    def _hear(self) -> None:
        self.first_token_at = self.first_token_at or now_s()
        self.waiting = "answer"

    def facts(self, model: str, sid: str) -> ProbeFacts:
        """The same as evidence."""
        state = "ok" if isinstance(self.ending, e.TurnDone) else "failed" if self.ending is not None else "late"
        reason, code, domain = self.reason, self.code, ""
        if isinstance(self.ending, e.TurnError):
            reason, code, domain = self.ending.message, self.ending.code, self.ending.domain
        elif isinstance(self.ending, e.SessionCancelled):
            reason, code = self.ending.reason, "cancelled"
        return ProbeFacts(
            state=state,
            model=model,
            answer=self.text.strip()[:300],
            tool=self.tool or ("not called" if state == "ok" else ""),
            reason=reason,
            code=code,
            domain=domain,
            waiting=self.waiting if state == "late" else "",
            firstTokenMs=round((self.first_token_at - self.began_at) * 1000, 1) if self.first_token_at else 0.0,
            elapsedMs=round((now_s() - self.began_at) * 1000, 1),
            session=sid,
        )


async def send_probe(gateway: Gateway, model: str, deadline_s: float) -> ProbeFacts:
    """Send the probe to `model` and follow it for at most `deadline_s` seconds. Its session goes to the trash, its folder is removed."""
    folder, identity = await asyncio.to_thread(_folder)
    sid, began = new_session_id(), now_s()
    seen = _Seen(began)
    turn = ""
    try:
        async with asyncio.timeout(deadline_s):
            turn = await _submit(gateway, sid, folder, identity, model)
            await _follow(gateway, sid, seen)
    except TimeoutError:
        pass
    except OptaError as error:
        seen.reason, seen.code, seen.ending = (
            error.message,
            error.code,
            e.TurnError(sid=sid, turn=turn, code=error.code, message=error.message, domain="orchestration"),
        )
    facts = seen.facts(model, sid)
    tidying = _tidy_up(gateway, sid, turn if seen.ending is None else "", folder, seen)
    if seen.ending is None:
        gateway.background.start(tidying, "after the probe")
    else:
        await tidying
    return facts


async def _submit(gateway: Gateway, sid: str, folder: Path, identity: str, model: str) -> str:
    await gateway.store.append(
        e.SessionStart(
            sid=sid,
            title=TITLE,
            cwd=str(folder),
            mode=Mode.do,
            level=Level.L2,
            model=model,
            interactive=False,
            folder=identity,
            sandbox=gateway.telemetry.sandbox,
        ),
        APPEND_S,
    )
    limits = e.Limits(steps=STEPS_MAX, calls=STEPS_MAX, minutes=1)
    result = await gateway.store.append(
        e.TurnStart(sid=sid, role="user", text=PROMPT, mode=Mode.do, level=Level.L2, model=model, limits=limits, probe=True), APPEND_S
    )
    return result.turn


async def _follow(gateway: Gateway, sid: str, seen: _Seen) -> None:
    """Read the session until its turn has ended."""
    ring = await gateway.store.ring(await gateway.store.session(sid))
    ring.users += 1
    try:
        while seen.ending is None:
            if await ring.beyond(seen.seq, 1.0):
                for line in await ring.after(seen.seq, 1000):
                    seen.take(wire.decode(line))
    finally:
        ring.users -= 1


async def _tidy_up(gateway: Gateway, sid: str, open_turn: str, folder: Path, seen: _Seen) -> None:
    """Stop the turn if it has not ended, move its session to the trash, and remove its folder."""
    with contextlib.suppress(OptaError, TimeoutError):
        if open_turn:
            async with asyncio.timeout(STOP_S):
                await gateway.store.outbox.written(e.TurnStopping(sid=sid, turn=open_turn, by="doctor"), STOP_S)
                await _follow(gateway, sid, seen)
        await gateway.store.append(e.SessionUpdated(sid=sid, changes={"trashed": True}), TRASH_S)
    gateway.worker.end_session(sid)
    await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


def _folder() -> tuple[Path, str]:
    """(a new folder with the file, its device and inode)."""
    folder = Path(tempfile.mkdtemp(prefix="opta-probe-")).resolve()
    descriptor = os.open(folder / FILE, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as handle:
        handle.write(CONTENT)
    found = folder.stat()
    return folder, f"{found.st_dev}:{found.st_ino}"
