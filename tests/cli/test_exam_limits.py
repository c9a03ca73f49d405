"""How a sitting of the exam ends when the model, the provider, a person or the daemon ends it: with a daemon in this process."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.events import TS

from opta_cli.exam.exam_catalog import TASKS
from opta_cli.exam.exam_task import ExamTask
from opta_cli.exam.sitting import Sitting
from opta_core.errors import OptaError, Refused, Unavailable
from opta_protocol import events as e
from opta_protocol import wire
from opta_protocol.error_info import ErrorCode
from opta_protocol.permissions import Level, Mode

SID, TURN = "abcdef", "t1"
TASK = next(task for task in TASKS if task.id == "edit-unicode")
STEP = e.StepStart(sid=SID, turn=TURN, step=1, provider="p", model="m", attempt=1)
TOKEN = e.TurnToken(sid=SID, turn=TURN, delta="word ")
DONE = e.TurnDone(sid=SID, turn=TURN, tokens=1, elapsed=1, tokensPerSec=1, tools=0, steps=1, finish="stop")
Page = Sequence[e.Event] | OptaError


class ScriptedDaemon:
    """Plays one page of events for each poll, the last one for ever; a poll takes `seconds` of its clock."""

    def __init__(
        self, folder: Path, *pages: Page, seconds: float = 100.0, ends_when_stopped: bool = True, refuses: OptaError | None = None
    ):
        self.cwd = folder / "workspaces" / SID
        self.cwd.mkdir(parents=True)
        start = e.SessionStart(sid=SID, title="", cwd=str(self.cwd), mode=Mode.do, level=Level.L2)
        turn = e.TurnStart(sid=SID, turn=TURN, role="user", text="go", mode=Mode.do, level=Level.L2)
        self._pages: list[Page] = [[start, turn, STEP], *pages]
        self._seconds, self._ends, self._refuses = seconds, ends_when_stopped, refuses
        self._seq = 0
        self.now = 0.0
        self.posted: list[tuple[str, dict[str, Any]]] = []
        self.deleted = False

    def clock(self) -> float:
        return self.now

    def post(self, path: str, body: dict[str, Any] | None = None, key: str = "") -> Any:
        self.posted.append((path.rpartition("/")[2], body or {}))
        if "/permissions/" in path and self._refuses is not None:
            raise self._refuses
        if path.endswith("/stop") and self._ends:
            self._pages = [[e.SessionCancelled(sid=SID, turn=TURN, reason="stopped", by="the exam")]]
        return {"id": SID, "cwd": str(self.cwd), "turnId": TURN}

    def raw(self, method: str, path: str, body: Any = None, *, key: str = "", retry: bool | None = None) -> bytes:
        self.deleted = self.deleted or method == "DELETE"
        if "/events" not in path:
            return msgspec.json.encode({"id": SID, "activeTurn": "", "lastSeq": self._seq})
        self.now += self._seconds
        page = self._pages.pop(0) if len(self._pages) > 1 else self._pages[0]
        if isinstance(page, OptaError):
            raise page
        return msgspec.json.encode({"events": [msgspec.Raw(self._line(event)) for event in page], "lastSeq": self._seq})

    def _line(self, event: e.Event) -> bytes:
        self._seq += 1
        return wire.stamp(wire.encode_body(event), self._seq, TS.format(self._seq), "p", self._seq)


def sit(daemon: ScriptedDaemon, task: ExamTask = TASK) -> tuple[str, str, bool]:
    """(outcome, reason, whether the next task would meet the same)."""
    sitting = Sitting(daemon, "p/m", lambda: "key", clock=daemon.clock)
    result = sitting.run(task)
    assert daemon.deleted
    assert not daemon.cwd.exists()
    return result.outcome, result.reason, sitting.is_cut_off


def test_a_model_that_never_speaks_was_not_examined(tmp_path: Path) -> None:
    daemon = ScriptedDaemon(tmp_path, [])
    assert sit(daemon) == ("not run", "the model said nothing for 900 s", True)
    assert "stop" in [name for name, _ in daemon.posted]


def test_a_model_that_does_not_come_to_an_end_has_failed(tmp_path: Path) -> None:
    assert sit(ScriptedDaemon(tmp_path, [TOKEN])) == ("failed", "it took longer than 300 s", False)


def test_time_before_the_first_sign_does_not_count(tmp_path: Path) -> None:
    loading: list[Page] = [[]] * 8
    outcome, reason, _ = sit(ScriptedDaemon(tmp_path, *loading, [TOKEN], [TOKEN], [TOKEN, DONE]))
    assert (outcome, reason) == ("failed", "greetings.txt is unchanged")


def test_a_turn_that_does_not_end_after_a_stop_is_no_verdict(tmp_path: Path) -> None:
    outcome, reason, is_general = sit(ScriptedDaemon(tmp_path, [TOKEN], ends_when_stopped=False))
    assert (outcome, reason, is_general) == ("not run", "its turn did not end after it was stopped", True)


def error(code: str, domain: Any = "inference") -> e.TurnError:
    return e.TurnError(sid=SID, turn=TURN, code=code, message=f"about {code}", domain=domain)


ENDINGS: list[tuple[Page, tuple[str, str, bool]]] = [
    ([error("context_overflow")], ("failed", "about context_overflow", False)),
    ([error("no_answer")], ("failed", "about no_answer", False)),
    ([error("provider_unavailable", "transport")], ("not run", "about provider_unavailable", True)),
    ([error("provider_auth")], ("not run", "about provider_auth", True)),
    ([error("agent_lost", "orchestration")], ("not run", "about agent_lost", True)),
    ([error("broken", "tool")], ("not run", "about broken", False)),
    ([e.SessionCancelled(sid=SID, turn=TURN, reason="stopped", by="the page")], ("not run", "its turn was stopped by the page", False)),
    (Unavailable("The daemon does not answer."), ("not run", "the daemon: The daemon does not answer.", True)),
    ([msgspec.structs.replace(DONE, finish="budget")], ("failed", "it went in circles, or met Opta's limit of calls or time", False)),
    ([msgspec.structs.replace(DONE, finish="length")], ("failed", "its answer was cut at its length limit", False)),
    ([e.RouteSwitch(sid=SID, turn=TURN, from_="p/m", to="q/n", reason="gone")], ("not run", "q/n would have answered instead: gone", True)),
]


@pytest.mark.parametrize(("page", "expected"), ENDINGS, ids=[expected[1][:30] for _, expected in ENDINGS])
def test_an_ending_is_a_failure_only_when_the_model_caused_it(tmp_path: Path, page: Page, expected: tuple[str, str, bool]) -> None:
    assert sit(ScriptedDaemon(tmp_path, page, seconds=0.1)) == expected


def asking(layer: str = "defaults") -> list[e.Event]:
    call = e.ToolCall(sid=SID, turn=TURN, callId="c1", name="write_file", args={"path": "x", "content": ""}, risk="write", step=1)  # pyright: ignore
    question = e.PermissionRequest(
        sid=SID,
        turn=TURN,
        requestId="r1",
        callId="c1",
        name="write_file",
        args=call.args,
        reason="",
        rule="write_file",
        layer=layer,
        expiresAt="",
    )
    return [call, question, TOKEN, DONE]


def test_a_question_that_was_answered_elsewhere_does_not_end_the_task(tmp_path: Path) -> None:
    daemon = ScriptedDaemon(tmp_path, asking(), refuses=Refused("answered", code=ErrorCode.conflict))
    assert sit(daemon)[:2] == ("failed", "greetings.txt is unchanged")
    assert ("r1", {"decision": "allow", "client": "the exam"}) in daemon.posted


@pytest.mark.parametrize("layer", ["user", "managed"])
def test_the_exam_answers_no_question_that_a_rule_of_people_asks(tmp_path: Path, layer: str) -> None:
    daemon = ScriptedDaemon(tmp_path, asking(layer))
    outcome, reason, _ = sit(daemon)
    assert (outcome, f"({layer}: write_file)" in reason, "r1" in [name for name, _ in daemon.posted]) == ("not run", True, False)


def test_a_session_that_cannot_be_asked_is_no_verdict(tmp_path: Path) -> None:
    daemon = ScriptedDaemon(tmp_path, asking(), refuses=Unavailable("The store is full."))
    assert sit(daemon) == ("not run", "the daemon: The store is full.", True)


def test_an_interruption_ends_the_session_first(tmp_path: Path) -> None:
    daemon = ScriptedDaemon(tmp_path, [TOKEN], seconds=1)
    polls = 0

    def clock() -> float:
        nonlocal polls
        polls += 1
        if polls > 10:
            raise KeyboardInterrupt
        return daemon.now

    sitting = Sitting(daemon, "p/m", lambda: "key", clock=clock)
    with pytest.raises(KeyboardInterrupt):
        sitting.run(TASK)
    assert (daemon.deleted, daemon.cwd.exists(), "stop" in [name for name, _ in daemon.posted]) == (True, False, True)


class Deaf(ScriptedDaemon):
    """A daemon that makes no session."""

    def post(self, path: str, body: dict[str, Any] | None = None, key: str = "") -> Any:
        raise Unavailable("The daemon does not answer.")


def test_a_session_that_is_not_made_is_no_verdict(tmp_path: Path) -> None:
    sitting = Sitting(Deaf(tmp_path), "p/m", lambda: "key")
    result = sitting.run(TASK)
    assert (result.outcome, result.reason, sitting.is_cut_off) == ("not run", "the daemon: The daemon does not answer.", True)


class Elsewhere(ScriptedDaemon):
    """A daemon that names another folder than the one it made."""

    def post(self, path: str, body: dict[str, Any] | None = None, key: str = "") -> Any:
        return {**super().post(path, body, key), "cwd": str(self.cwd.parents[1] / "mine")}


def test_a_folder_that_the_daemon_did_not_make_for_the_session_is_never_deleted(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    Sitting(Elsewhere(tmp_path, [TOKEN, DONE]), "p/m", lambda: "key").run(TASK)
    assert (tmp_path / "mine/greetings.txt").exists()
