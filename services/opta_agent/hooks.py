"""The user's hooks in a turn: each is begun once as an event, run by the tool-worker, and what follows from it is an event, too.

An agent that takes a turn over goes by the journal: what has ended is not run again; what was begun is waited for. When the worker that
ran it is gone, a hook that judges a call is run again, and its start says so; one that follows a call or a turn is not.

**Invariant:** a call whose judge has not answered does not run, unless the user has configured that.
"""

import os
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import msgspec

from opta_core.errors import Unavailable
from opta_core.hook_settings import FOLDER, PATH, HookSettings
from opta_core.transcript import Turn
from opta_core.transcript_parts import HookRun
from opta_protocol.commands import AppendResult, HookEnded, RunHook
from opta_protocol.events import Event, ToolCall
from opta_protocol.hook_events import HookOn, HookResult, HookStart
from opta_protocol.ids import new_call_id

from .hook_answers import HookAnswer, answer_of
from .session import AgentSession

# How often a judge is begun when the worker dies under it, and how often hooks may ask for one more step of a turn.
ATTEMPTS_MAX, MORE_STEPS_MAX = 3, 3
DIFF_CHARS_MAX, MESSAGE_CHARS_MAX = 4_000, 20_000
INTERRUPTED = "the tool worker ended while it ran, so it may have taken effect in part; it is not run again"
_NAMES: dict[HookOn, str] = {"before-tool": "PreToolUse", "after-tool": "PostToolUse", "turn-end": "Stop"}


class HookRunner(Protocol):
    """Runs hooks (`hook_client.WorkerHooks`)."""

    async def worker(self) -> str: ...

    async def run(self, order: RunHook) -> HookEnded: ...


class Hooks:
    """The hooks of one turn, as they were configured when it began. `written` writes an event and waits until it is stored."""

    def __init__(
        self,
        hooks: list[HookSettings],
        runner: HookRunner,
        emit: Callable[[Event], Any],
        written: Callable[[Event], Awaitable[AppendResult | None]],
    ):
        self._hooks, self._runner, self._emit, self._written = hooks, runner, emit, written

    def judges(self, call: ToolCall) -> bool:
        """Whether a hook judges a call before it runs."""
        return any(True for _ in self._about("before-tool", call))

    async def refusal(self, session: AgentSession, turn: Turn, call: ToolCall) -> str:
        """Why a call must not run; '' when no hook objects. A hook that judged it before is not asked again."""
        for hook in self._about("before-tool", call):
            run = await self._to_end(_Asked(session, turn, hook, call, call.step, {}, []))
            if run.outcome == "refused":
                return f"the hook {hook.title} of the user refuses this call: {run.reason}"
            if run.outcome != "ok" and not run.isOpen:
                return f"the hook {hook.title} of the user has to judge this call before it runs, and failed: {run.reason}"
        return ""

    async def follow(self, session: AgentSession, turn: Turn, call: ToolCall) -> None:
        """Run what follows a call that succeeded. What the model reads of it stands behind the call's result."""
        hooks = list(self._about("after-tool", call))
        if not hooks:
            return
        while (result := session.result(call.callId)) is None:
            await session.changed(0.5)
        if not result.ok:
            return
        paths = list(dict.fromkeys(change.path for change in result.changes))
        response = {"ok": True, "content": result.content[:MESSAGE_CHARS_MAX], "changes": paths}
        for hook in hooks:
            await self._to_end(_Asked(session, turn, hook, call, call.step, {"tool_response": response}, paths))

    async def more(self, session: AgentSession, turn: Turn, step: int, answer: str) -> tuple[str, str]:
        """(what the model has to do before the turn ends, '' for nothing; what a person should know)."""
        hooks = [hook for hook in self._hooks if hook.on == "turn-end"]
        known = session.transcript.turn(turn.id) or turn
        asked = {run.step: run.hook for run in known.hooks if run.outcome == "continued" and run.step != step}
        if not hooks:
            return "", ""
        if len(asked) >= MORE_STEPS_MAX:
            last = list(asked.values())[-1]
            return (
                "",
                f"The hook {last} asked {MORE_STEPS_MAX} times for one more step, which is the most in a turn; the turn ends without asking it again.",
            )
        words: list[str] = []
        for hook in hooks:
            given = {"stop_hook_active": bool(asked), "last_assistant_message": answer[:MESSAGE_CHARS_MAX]}
            run = await self._to_end(_Asked(session, turn, hook, None, step, given, []))
            if run.outcome == "continued":
                words.append(run.text)
        return "\n".join(words), ""

    def _about(self, on: HookOn, call: ToolCall) -> Iterator[HookSettings]:
        return (hook for hook in self._hooks if hook.on == on and hook.fits(call.name, call.args))

    async def _to_end(self, asked: "_Asked") -> HookRun:
        """The end of a hook: of an earlier run, or of one that begins now. Raises OptaError when it cannot be recorded."""
        await asked.until_call()
        attempt, runs = 1, asked.runs()
        if runs:
            run = runs[-1] if runs[-1].outcome else await self._wait(asked, runs[-1])
            if run.outcome != "interrupted":
                return run
            attempt = run.attempt + 1
        while asked.hook.on == "before-tool" or attempt == 1:
            run = await self._begin(asked, attempt)
            if run.outcome != "interrupted":
                return run
            attempt += 1
        return asked.runs()[-1]

    async def _begin(self, asked: "_Asked", attempt: int) -> HookRun:
        start = HookStart(
            sid=asked.session.sid,
            turn=asked.turn.id,
            hookId=new_call_id(),
            hook=asked.hook.title,
            on=asked.hook.on,
            worker=await self._runner.worker(),
            callId=asked.call_id,
            step=asked.step,
            attempt=attempt,
        )
        stored = await self._written(start)
        if stored is not None and stored.status not in ("written", "known"):
            raise Unavailable("The turn was taken over by another agent, so no hook was begun.")
        return await self._wait(asked, await asked.run(start.hookId))

    async def _wait(self, asked: "_Asked", run: HookRun) -> HookRun:
        """Wait for a run that has begun, and store what follows from it."""
        hook = asked.hook
        if run.worker:
            ended = await self._runner.run(asked.order(run))
        else:
            ended = HookEnded(hookId=run.id, code="worker_lost", problem="no tool worker answers")
        answer = answer_of(hook.on, ended)
        is_judge = hook.on == "before-tool"
        if run.worker and answer.code in ("worker_lost", "cancelled") and (not is_judge or run.attempt < ATTEMPTS_MAX):
            answer = HookAnswer("interrupted", ended.problem if is_judge else INTERRUPTED, answer.code)
        text = _text(hook, answer, ended)
        result = HookResult(
            sid=asked.session.sid,
            turn=asked.turn.id,
            hookId=run.id,
            callId=asked.call_id,
            outcome="said" if text and answer.outcome == "ok" else answer.outcome,
            reason=answer.words if answer.outcome in ("refused", "failed", "interrupted") else "",
            text=text,
            code=answer.code,
            isOpen=answer.outcome == "failed" and hook.is_open,
            sandbox=ended.sandbox,
            durationMs=ended.durationMs,
            changes=ended.changes,
        )
        self._emit(result)
        return await asked.run(run.id, is_ended=True)


@dataclass(frozen=True)
class _Asked:
    """One hook about one call, or about the end of a turn after `step`. `given`: what its input has besides."""

    session: AgentSession
    turn: Turn
    hook: HookSettings
    call: ToolCall | None
    step: int
    given: dict[str, Any]
    paths: list[str]

    @property
    def call_id(self) -> str:
        return self.call.callId if self.call is not None else ""

    async def until_call(self) -> None:
        """Wait until the journal shows the call: what is about it comes behind it."""
        while self.call is not None and self.session.call(self.call.turn, self.call.callId) is None:
            await self.session.changed(0.2)

    def runs(self) -> list[HookRun]:
        """The runs so far, oldest first."""
        if self.call is not None:
            call = self.session.call(self.call.turn, self.call.callId)
            found = call.hooks if call is not None else []
        else:
            found = (self.session.transcript.turn(self.turn.id) or self.turn).hooks
        return [run for run in found if (run.on, run.hook, run.step) == (self.hook.on, self.hook.title, self.step)]

    async def run(self, hook_id: str, *, is_ended: bool = False) -> HookRun:
        """A run as it is stored, once it is."""
        while (run := next((run for run in self.runs() if run.id == hook_id), None)) is None or (is_ended and not run.outcome):
            await self.session.changed(0.2)
        return run

    def order(self, run: HookRun) -> RunHook:
        """What the worker runs."""
        cwd, path = self.session.transcript.cwd, self.call.args.get("path") if self.call is not None else None
        # Not resolved: which file it is, the hook sees in its sandbox.
        file = os.path.normpath(Path(cwd) / Path(path.replace("\0", "")).expanduser()) if isinstance(path, str) else ""
        said = {
            "hook_event_name": _NAMES[self.hook.on],
            "session_id": self.session.sid,
            "turn_id": self.turn.id,
            "cwd": cwd,
            "mode": self.turn.mode,
            "level": self.turn.level,
            "attempt": run.attempt,
        }
        if self.call is not None:
            said |= {"tool_name": self.call.name, "tool_input": self.call.args, "tool_use_id": self.call.callId, "file_path": file}
        return RunHook(
            hookId=run.id,
            worker=run.worker,
            sid=self.session.sid,
            cwd=cwd,
            folder=self.session.transcript.folder,
            argv=[self.hook.command[0], *(_filled(part, file, cwd) for part in self.hook.command[1:])],
            input=msgspec.json.encode({**said, **self.given}).decode() + "\n",
            timeoutS=self.hook.timeout_s,
            paths=self.paths,
        )


def _filled(part: str, file: str, cwd: str) -> str:
    # In one pass: a folder may hold what looks like a placeholder.
    return cwd.join(each.replace(PATH, file) for each in part.split(FOLDER))


def _text(hook: HookSettings, answer: HookAnswer, ended: HookEnded) -> str:
    """What the model reads of a hook, '' for nothing. What it refused stands in the result of the call."""
    if hook.on == "before-tool":
        return ""
    if answer.outcome == "continued":
        return f"Before the turn ends, the hook {hook.title} of the user asks: {answer.words}"
    parts = [f"changed {change.path}:\n{change.diff[:DIFF_CHARS_MAX] or '(its content is no text)'}" for change in ended.changes]
    if answer.outcome == "said":
        parts.insert(0, f"says: {answer.words}")
    return "\n".join([*(f"[The hook {hook.title} of the user {part}]" for part in parts), *ended.checked])
