"""One task with one model: a normal session of the daemon in an empty folder, its questions answered, its result checked.

It speaks to the daemon's API alone, like every client. **Invariant:** "failed" is said of a model only for what the model did; when a
provider, the daemon or another rule kept the task from being done, it was "not run".
"""

import contextlib
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import msgspec

from opta_core.errors import OptaError
from opta_core.fold import Fold
from opta_core.paths import WORKSPACES
from opta_core.transcript import Turn
from opta_protocol import events as e
from opta_protocol import wire
from opta_protocol.error_info import ErrorCode
from opta_protocol.http import EventPage

from .evidence import Evidence, answer_of, calls_of, read_folder
from .exam_records import TaskResult
from .exam_task import ExamTask
from .examiner import answer_question

POLL_MS = 1000
# How long a model may say nothing at all: it may have to be loaded first. How long a stopped turn may take to end.
FIRST_SIGN_S, END_S = 900.0, 40.0
# Endings of a turn that the model is the cause of.
_OF_THE_MODEL = frozenset({ErrorCode.no_answer, ErrorCode.context_overflow})
_LIMITS = {
    "steps": "it met Opta's limit of steps",
    "budget": "it went in circles, or met Opta's limit of calls or time",
    "length": "its answer was cut at its length limit",
}
TITLE = "exam: "
# Layers of rules that people wrote for this machine. The exam answers no question in their place.
_OF_PEOPLE = ("user", "managed")


class DaemonApi(Protocol):
    """What a sitting needs of the daemon's client. Every method raises OptaError."""

    def post(self, path: str, body: dict[str, Any] | None = None, key: str = "") -> Any: ...

    def raw(self, method: str, path: str, body: Any = None, *, key: str = "", retry: bool | None = None) -> bytes: ...


class NotRun(Exception):
    """The task could not be run; the text says why. `is_general`: the next task would meet the same."""

    def __init__(self, reason: str, *, is_general: bool = False):
        super().__init__(reason)
        self.is_general = is_general


@dataclass
class SittingHooks:
    """Calls of whoever shows a sitting: `moved` at every poll with the step and the seconds so far, `began` with the session."""

    moved: Callable[[int, float], None] = lambda step, seconds: None
    began: Callable[[str], None] = lambda session: None


@dataclass
class Sitting:
    """Runs tasks with one model. `keep`: sessions and folders stay; `key`: makes an idempotency key; `clock`: seconds."""

    api: DaemonApi
    model: str
    key: Callable[[], str]
    keep: bool = False
    clock: Callable[[], float] = time.monotonic
    hooks: SittingHooks = field(default_factory=SittingHooks)
    # Whether the last task that was not run says that the next one would not run either.
    is_cut_off: bool = field(default=False, init=False)
    names: list[str] = field(default_factory=list[str], init=False)

    def run(self, task: ExamTask) -> TaskResult:
        """Run a task to its result. Raises OSError when its folder cannot be written, KeyboardInterrupt after the session was ended."""
        self.is_cut_off = False
        wanted = {"title": f"{TITLE}{task.id}", "mode": "do", "model": self.model, "level": task.level.value}
        try:
            session = self.api.post("/v3/sessions", wanted)
        except OptaError as error:
            self.is_cut_off = True
            return TaskResult(task=task.id, kind=task.kind, outcome="not run", reason=f"the daemon: {error.message}")
        sid, folder = str(session["id"]), Path(session["cwd"])
        self.hooks.began(sid)
        try:
            lay_out(folder, task)
            return self._result(task, sid, folder)
        finally:
            if not self.keep:
                remove(self.api, sid, folder)

    def _result(self, task: ExamTask, sid: str, folder: Path) -> TaskResult:
        before = {name: content.encode() for name, content in task.files.items()}
        started = self.clock()
        attempt = _Attempt(self, task, sid)
        try:
            reason = attempt.run()
            if not reason:
                after, odd = read_folder(folder)
                answers = tuple(map(answer_of, attempt.turns))
                reason = task.problem(Evidence(before=before, after=after, odd=odd, answers=answers, calls=calls_of(attempt.turns)))
            outcome = "failed" if reason else "solved"
        except NotRun as problem:
            outcome, reason = "not run", str(problem)
            self.is_cut_off = problem.is_general
        except OSError as error:
            outcome, reason = "not run", f"its folder cannot be read: {error.strerror}"
        self.names += [name for name in attempt.names if name not in self.names]
        return TaskResult(
            task=task.id,
            kind=task.kind,
            outcome=outcome,
            reason=reason,
            seconds=round(self.clock() - started, 2),
            session=sid,
            **_figures(attempt.turns),
        )


class _Attempt:
    """The turns of one task. `run` returns '' when they ended well, otherwise what the model did wrong. Raises NotRun."""

    def __init__(self, sitting: Sitting, task: ExamTask, sid: str):
        self._sitting, self._api, self._task, self._sid = sitting, sitting.api, task, sid
        self._fold = Fold()
        self._seq = 0
        self._stopped_for = ""
        self.names: list[str] = []

    @property
    def turns(self) -> list[Turn]:
        """The turns so far, with all events that were read."""
        return self._fold.transcript.turns

    def run(self) -> str:
        for prompt in self._task.prompts:
            try:
                accepted = self._api.post(f"/v3/sessions/{self._sid}/turns", {"text": prompt}, self._sitting.key())
                problem = self._to_ending(str(accepted["turnId"]))
            except OptaError as error:
                raise NotRun(f"the daemon: {error.message}", is_general=True) from error
            except KeyboardInterrupt:
                self._stop("")
                raise
            if problem:
                return problem
        return ""

    def _to_ending(self, turn: str) -> str:
        clock, started = self._sitting.clock, self._sitting.clock()
        first_sign: float | None = None
        stopped_at: float | None = None
        while True:
            for event in self._events():
                self._fold.apply(event)
                if isinstance(event, e.PermissionRequest):
                    self._answer(event)
                elif isinstance(event, e.ENDINGS) and event.turn == turn:
                    return self._ending(event)
                elif isinstance(event, e.PermissionDecision):
                    _check_rule(event)
                elif isinstance(event, e.RouteSwitch):
                    self._stop("")
                    raise NotRun(f"{event.to} would have answered instead: {event.reason}", is_general=True)
                elif isinstance(event, e.StepDone | e.TurnToken | e.TurnThinking | e.ToolCall) and first_sign is None:
                    first_sign = clock()
            step = self._fold.last_step(turn)
            number = step.step if step is not None else 0
            self._sitting.hooks.moved(number, clock() - started)
            if stopped_at is not None:
                if clock() - stopped_at > END_S:
                    raise NotRun("its turn did not end after it was stopped", is_general=True)
            elif reason := self._over_limit(number, started, first_sign):
                stopped_at = clock()
                self._stop(reason)

    def _over_limit(self, step: int, started: float, first_sign: float | None) -> str:
        now = self._sitting.clock()
        if first_sign is None:
            if now - started > FIRST_SIGN_S:
                self._stop("")
                raise NotRun(f"the model said nothing for {FIRST_SIGN_S:.0f} s", is_general=True)
        elif now - first_sign > self._task.seconds_max:
            return f"it took longer than {self._task.seconds_max:g} s"
        return f"it took more than {self._task.steps_max} steps" if step > self._task.steps_max else ""

    def _ending(self, event: e.TurnDone | e.TurnError | e.SessionCancelled) -> str:
        self.names = list(dict.fromkeys(f"{step.provider}/{step.model}" for turn in self.turns for step in turn.steps))
        match event:
            case e.TurnDone():
                return self._stopped_for or _LIMITS.get(event.finish, "")
            case e.TurnError() if event.code in _OF_THE_MODEL:
                return event.message
            case e.TurnError():
                raise NotRun(event.message, is_general=event.domain != "tool")
            case e.SessionCancelled():
                if not self._stopped_for:
                    raise NotRun(f"its turn was stopped by {event.by or 'someone'}")
                return self._stopped_for

    def _events(self) -> list[e.AnyEvent | e.Unknown]:
        """The events since the last call; waits a moment for the first."""
        path = f"/v3/sessions/{self._sid}/events?afterSeq={self._seq}&limit=1000&wait_ms={POLL_MS}"
        page = _PAGE.decode(self._api.raw("GET", path))
        events = [wire.decode(bytes(line)) for line in page.events]
        if events:
            self._seq = events[-1].seq
        return events

    def _answer(self, asked: e.PermissionRequest) -> None:
        if asked.layer in _OF_PEOPLE:
            raise NotRun(f"a rule of this machine wants a person to be asked ({asked.layer}: {asked.rule}); see opta policy list")
        rule = answer_question(self._task.rules, asked)
        body = {"decision": rule.decision, "client": "the exam", **({"note": rule.note} if rule.note else {})}
        try:
            self._api.post(f"/v3/sessions/{self._sid}/permissions/{asked.requestId}", body)
        except OptaError as error:
            # Closed meanwhile, or answered by a person.
            if error.code != ErrorCode.conflict:
                raise

    def _stop(self, reason: str) -> None:
        """Stop the turn because of the model ('' when it is not its fault)."""
        self._stopped_for = reason
        with contextlib.suppress(OptaError):
            self._api.post(f"/v3/sessions/{self._sid}/stop", {})


def lay_out(folder: Path, task: ExamTask) -> None:
    """Write the files of a task into its empty folder. Raises OSError."""
    for name, content in task.files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        with open(file, "x", encoding="utf-8", newline="") as handle:
            handle.write(content)


def remove(api: DaemonApi, sid: str, folder: Path) -> None:
    """Stop a session's turn, move the session to the trash, and delete its folder. Does what is possible, and raises nothing."""
    with contextlib.suppress(OptaError):
        api.post(f"/v3/sessions/{sid}/stop", {})
        _until_idle(api, sid)
        api.raw("DELETE", f"/v3/sessions/{sid}")
    # Only the empty folder that the daemon made for this session.
    if folder.parent.name == WORKSPACES and folder.name == sid:
        shutil.rmtree(folder, ignore_errors=True)


def _until_idle(api: DaemonApi, sid: str) -> None:
    deadline = time.monotonic() + END_S
    while time.monotonic() < deadline:
        session = msgspec.json.decode(api.raw("GET", f"/v3/sessions/{sid}"))
        if not session.get("activeTurn"):
            return
        # Waits for the next event.
        api.raw("GET", f"/v3/sessions/{sid}/events?afterSeq={session['lastSeq']}&limit=1&wait_ms={POLL_MS}")


def _check_rule(event: e.PermissionDecision) -> None:
    if event.decision == "deny" and event.by == "rule" and event.layer in _OF_PEOPLE:
        raise NotRun(f"a rule of this machine denied a call ({event.layer}: {event.rule}); see opta policy list")


def _figures(turns: list[Turn]) -> dict[str, int]:
    steps = [step for turn in turns for step in turn.steps]
    calls = calls_of(turns)
    valid = sum(call.is_valid for call in calls)
    corrected = sum(bool(step.nudge) for step in steps)
    return {
        "calls": len(calls),
        "valid_calls": valid,
        "repairs": len(calls) - valid + corrected,
        "denied": sum(call.code == "denied" for call in calls),
        "steps": len(steps),
        "tokens": sum(step.tokens for step in steps),
        "prompt_tokens": sum(step.promptTokens for step in steps),
    }


_PAGE = msgspec.json.Decoder(EventPage)
