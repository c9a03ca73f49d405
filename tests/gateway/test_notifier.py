"""The user's command is run when a turn ends or a person has to answer, with what happened, and never for more."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.events import journal
from support.oracles import until_async

from opta_core.errors import Refused
from opta_core.notify_settings import NotifySettings, check_notify
from opta_gateway import notifier as rules
from opta_gateway.notifier import Notifier
from opta_protocol import events as e
from opta_protocol.http import Session
from opta_protocol.permissions import Level, Mode

SID = "abcdef"
HERE: dict[str, Any] = {"sid": SID, "turn": "t1"}
SCRIPT = "import json,sys; open(sys.argv[1],'a').write(json.dumps([sys.argv[2:], json.load(sys.stdin)]) + chr(10))"


def begun() -> e.TurnStart:
    return e.TurnStart(**HERE, role="user", text="go", mode=Mode.do, level=Level.L2)


def done(**more: Any) -> e.TurnDone:
    given: dict[str, Any] = {**HERE, "tokens": 1, "elapsed": 1, "tokensPerSec": 1, "tools": 3, "steps": 1, "finish": "stop", **more}
    return e.TurnDone(**given)


async def session(sid: str) -> Session:
    return Session(
        id=sid, title="Fix {text}\n\x1b[31mit", cwd="/", mode=Mode.do, model="", level=Level.L2, state="idle", turns=1, createdAt="",
        lastActivityAt="", lastSeq=1, pinned=False, archived=False, pending=0,
    )  # fmt: skip


async def child(sid: str) -> Session:
    """The same as the session of a sub-agent."""
    return msgspec.structs.replace(await session(sid), parent="bcdefa", parentTurn="t1", parentCall="c0")


def played(folder: Path, *events: e.Event, count: int, command: list[str] | None = None, find: Any = None, **more: Any) -> list[Any]:
    """What a command that writes its arguments and its input was given, `count` times. `find`: what finds a session."""
    file = folder / "said"
    run = [sys.executable, "-c", SCRIPT, str(file), "{title}", "-- {text}"] if command is None else command
    given: dict[str, Any] = {"command": run, "min_s": 0.0, **more}
    settings = NotifySettings(**given)

    async def story() -> None:
        notifier = Notifier(lambda: settings, find or session)
        notifier.take(journal(*events))
        await until_async(lambda: file.exists() and len(file.read_text().splitlines()) >= count, 20 if count else 0)
        await notifier.close()

    asyncio.run(story())
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def test_each_kind_of_news_is_reported_once(tmp_path: Path) -> None:
    request = e.PermissionRequest(
        **HERE, requestId="r", callId="c", name="run_command", args={"command": "npm test"}, reason="", rule="", layer="user", expiresAt=""
    )
    for number, (event, kind, text) in enumerate(
        [
            (done(), "done", "Finished: 3 tool calls"),
            (done(finish="steps"), "done", "Stopped at a limit; it is not finished"),
            (e.TurnError(**HERE, code="broken", message="No key.", domain="tool"), "failed", "Failed: No key."),
            (e.SessionCancelled(**HERE, reason="The session ended.", by="store"), "stopped", "Stopped: The session ended."),
            (request, "permission", "Needs your answer: run_command npm test"),
            (e.QuestionAsked(**HERE, questionId="q", callId="c", text="Which\none?"), "question", "Asks you: Which one?"),
        ]
    ):
        (tmp_path / str(number)).mkdir()
        title = "Opta: Fix {text} [31mit"
        assert played(tmp_path / str(number), begun(), event, count=1) == [
            [[title, f"-- {text}"], {"kind": kind, "sid": SID, "turn": "t1", "title": title, "text": text}]
        ]


def test_of_a_sub_agent_its_questions_are_news_and_its_end_is_none(tmp_path: Path) -> None:
    asked = e.QuestionAsked(**HERE, questionId="q", callId="c", text="Which?")
    ended = e.SessionCancelled(**HERE, reason="Stopped with the session that started it.", by="parent")
    said = played(tmp_path, begun(), done(), ended, asked, count=1, find=child)
    assert [(given[0][0], given[1]["text"]) for given in said] == [("Opta: Fix {text} [31mit (sub-agent of s-bcdefa)", "Asks you: Which?")]


def test_what_is_no_news_runs_nothing(tmp_path: Path) -> None:
    stopped = e.SessionCancelled(**HERE, reason="Stopped by the user.", by="client")
    assert played(tmp_path, begun(), e.TurnToken(**HERE, delta="x"), stopped, count=0) == []
    assert played(tmp_path, begun(), done(), count=0, min_s=60.0) == []
    assert played(tmp_path, begun(), done(), count=0, command=[]) == []
    # A turn that began before the gateway did may have been long.
    assert len(played(tmp_path, done(), count=1, min_s=60.0)) == 1


def test_a_command_that_fails_hangs_or_is_missing_harms_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "COMMAND_S", 0.2)

    async def story() -> None:
        for command in (["/no/such/program"], [sys.executable, "-c", "raise SystemExit(3)"], ["sleep", "60"]):
            settings = NotifySettings(command=command, min_s=0.0)
            notifier = Notifier(lambda settings=settings: settings, session)
            notifier.take(journal(*(done() for _ in range(9))))
            others = {task for task in asyncio.all_tasks() if task.get_name() == "notify"}
            assert len(others) == rules.COMMANDS_MAX
            assert await until_async(lambda others=others: all(task.done() for task in others), 10)
            assert not [task for task in others if task.exception()]

    asyncio.run(story())


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"command": [""]}, "a program"),
        ({"command": ["{title}"]}, "a program"),
        ({"command": ["a", "\0"]}, "null"),
        ({"min_s": -1.0}, "negative"),
    ],
)
def test_settings_that_cannot_be_used_are_refused(wrong: dict[str, Any], reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        check_notify(NotifySettings(**wrong))
