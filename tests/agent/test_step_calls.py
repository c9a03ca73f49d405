"""The calls of one step: corrected or explained, run in their order, and not run behind a change that was not made."""

import asyncio
import json
from typing import Any

import pytest
from support.story import SID, TURN, Scripted, Story, messages

from opta_agent.gate import Permit
from opta_agent.providers.base import CallPart, End, Part, TextPart, Usage
from opta_agent.session import AgentSession
from opta_core.transcript import Turn
from opta_protocol import events as e

STOP = End("stop", Usage(prompt=10, completion=3))
USE = End("tool_calls", Usage(prompt=10, completion=3))


def call(name: str, arguments: Any) -> CallPart:
    return CallPart("x", name, arguments if isinstance(arguments, str) else json.dumps(arguments))


def made(*parts: CallPart) -> list[tuple[str, dict[str, Any]]]:
    """What became of calls: (tool, arguments), with the arguments of one that could not be read left out."""
    story = Story()
    story.play(Scripted([*parts, USE], [TextPart("done"), STOP]))
    return [(event.name, event.args) for event in story.events if isinstance(event, e.ToolCall)]


@pytest.mark.parametrize(
    ("name", "arguments", "wanted"),
    [
        ("read_file", '{"path": "a.txt",}', ("read_file", {"path": "a.txt"})),
        ("read_file", "{'path': 'a.txt'}", ("read_file", {"path": "a.txt"})),
        ("read_file", '{"path": "a.txt"', ("read_file", {"path": "a.txt"})),
        ("read_file", '{{"path": "a.txt"}}', ("read_file", {"path": "a.txt"})),
        ("read_file", '"{\\"path\\": \\"a.txt\\"}"', ("read_file", {"path": "a.txt"})),
        ("read_file", '```json\n{"path": "a.txt"}\n```', ("read_file", {"path": "a.txt"})),
        ("write_file", '{"path": "a", "content": "one\ntwo"}', ("write_file", {"path": "a", "content": "one\ntwo"})),
        ("read_file", {"file_path": "a.txt", "start_line": "3", "end_line": None}, ("read_file", {"path": "a.txt", "start_line": 3})),
        ("edit_file", {"file_path": "a", "old_string": "x", "new_string": "y", "replace_all": "true"},
         ("edit_file", {"path": "a", "old": "x", "new": "y", "all": True})),
        ("list_dir", "null", ("list_dir", {})),
        ("list_dir", "", ("list_dir", {})),
        ("run_command", {"cmd": "ls", "description": "list"}, ("run_command", {"command": "ls"})),
        ("read_file", {"path": "a", "encoding": "utf-8"}, ("read_file", {"path": "a"})),
        ("functions.read_file", {"path": "a"}, ("read_file", {"path": "a"})),
        ("read_file<|channel|>commentary", {"path": "a"}, ("read_file", {"path": "a"})),
        ("Read_File", {"path": "a"}, ("read_file", {"path": "a"})),
        ("bash", {"command": "ls"}, ("run_command", {"command": "ls"})),
        ("cat", {"path": "a"}, ("read_file", {"path": "a"})),
        ("ls", {"path": "."}, ("list_dir", {"path": "."})),
        ("str_replace", {"path": "a", "old_str": "x", "new_str": "y"}, ("edit_file", {"path": "a", "old": "x", "new": "y"})),
        ("raed_file", {"path": "a"}, ("read_file", {"path": "a"})),
        ("todo", {"items": [{"text": "a", "state": "in_progress"}]}, ("todo", {"items": [{"text": "a", "state": "doing"}]})),
        ("grep", {"arguments": {"pattern": "x"}}, ("grep", {"pattern": "x"})),
    ],
)  # fmt: skip
def test_a_call_with_one_reading_is_corrected(name: str, arguments: Any, wanted: tuple[str, dict[str, Any]]) -> None:
    assert made(call(name, arguments)) == [wanted]


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("write_file", '{"path": "a", "content": "say "hi""}', ["arguments are not JSON", 'You wrote: {"path": "a"', '"content": "..."']),
        ("write_file", {"path": "a"}, ["content", '{"path": "...", "content": "..."}']),
        ("write_file", {"path": "a", "content": "x", "mode": 777}, ["mode"]),
        ("run_command", {"command": ["touch", "M"]}, ["command"]),
        ("launch", {"path": "a"}, ["there is no tool 'launch'", "read_file"]),
        ("run_command", '{"command": "rm -r build', ["no end"]),
    ],
)
def test_a_call_with_no_or_two_readings_is_explained_and_never_asked_about(name: str, arguments: Any, said: list[str]) -> None:
    story = Story()
    provider = Scripted([call(name, arguments), USE], [TextPart("done"), STOP])
    story.play(provider)
    assert not [event for event in story.events if isinstance(event, e.PermissionDecision | e.PermissionRequest)]
    answer = messages(provider, 1)[-1]
    assert answer["role"] == "tool"
    assert all(word in answer["content"] for word in said), answer["content"]
    # What the request shows as arguments is always JSON that a server's template can read.
    assert isinstance(json.loads(messages(provider, 1)[-2]["tool_calls"][0]["function"]["arguments"]), dict)


class Recorded(Story):
    """A story that notes when each call begins and ends; what `fails` names fails."""

    def __init__(self) -> None:
        super().__init__()
        self.log: list[str] = []
        self.fails: frozenset[str] = frozenset()
        self.asked: list[str] = []
        self.answers: dict[str, asyncio.Event] = {}

    async def check(self, session: AgentSession, turn: Turn, call: e.ToolCall) -> Permit:
        about = str(call.args.get("path", call.args.get("command", "")))
        self.asked.append(about)
        if about in self.answers:
            await self.answers[about].wait()
        return await super().check(session, turn, call)

    async def run(self, session: AgentSession, call: e.ToolCall, permit: Permit | None = None) -> e.ToolResult:
        about = str(call.args.get("path", call.args.get("command", "")))
        self.log.append(f"begin {about}")
        for _ in range(5):
            await asyncio.sleep(0)
        self.log.append(f"end {about}")
        result = e.ToolResult(sid=SID, turn=TURN, callId=call.callId, ok=about not in self.fails, content=f"ran {about}")
        self.emit(result)
        return result


def edit(path: str) -> CallPart:
    return call("edit_file", {"path": path, "old": "a", "new": "b"})


def test_reads_run_side_by_side_and_changes_one_after_the_other() -> None:
    story = Recorded()
    reads: list[Part] = [call("read_file", {"path": "r1"}), call("read_file", {"path": "r2"})]
    story.play(
        Scripted(
            [*reads, edit("e1"), call("run_command", {"command": "c1"}), call("read_file", {"path": "r3"}), USE], [TextPart("ok"), STOP]
        )
    )
    assert story.log[:2] == ["begin r1", "begin r2"]
    order = [line for line in story.log if line.split()[1] in ("e1", "c1", "r3")]
    assert order == ["begin e1", "end e1", "begin c1", "end c1", "begin r3", "end r3"]
    assert story.log.index("end r2") < story.log.index("begin e1")


@pytest.mark.parametrize("first", ["e1", "c1"])
def test_questions_are_put_at_once_and_answered_in_any_order(first: str) -> None:
    story = Recorded()

    async def answer() -> None:
        for _ in range(20):
            await asyncio.sleep(0)
        story.answers[first].set()
        for _ in range(20):
            await asyncio.sleep(0)
        for event in story.answers.values():
            event.set()

    async def check(session: AgentSession, turn: Turn, call: e.ToolCall) -> Permit:
        if not story.answers:
            story.answers = {"e1": asyncio.Event(), "c1": asyncio.Event()}
            answering.append(asyncio.create_task(answer()))
        return await Recorded.check(story, session, turn, call)

    answering: list[asyncio.Task[None]] = []
    story.check = check  # type: ignore[method-assign]
    story.play(Scripted([edit("e1"), call("run_command", {"command": "c1"}), USE], [TextPart("ok"), STOP]))
    assert story.asked == ["e1", "c1"]
    assert story.log == ["begin e1", "end e1", "begin c1", "end c1"]


@pytest.mark.parametrize("how", ["denied", "failed"])
def test_behind_a_change_that_was_not_made_no_other_is_made(how: str) -> None:
    story = Recorded()
    if how == "denied":
        story.denied = frozenset({"edit_file"})
    else:
        story.fails = frozenset({"e1"})
    provider = Scripted(
        [edit("e1"), call("run_command", {"command": "c1"}), call("read_file", {"path": "r1"}), USE], [TextPart("ok"), STOP]
    )
    story.play(provider)
    results = {message["tool_call_id"]: message["content"] for message in messages(provider, 1) if message["role"] == "tool"}
    calls = {event.callId: event for event in story.events if isinstance(event, e.ToolCall)}
    said = {calls[call_id].name: content for call_id, content in results.items()}
    assert "not run: an earlier change" in said["run_command"]
    assert said["read_file"] == "ran r1"
    assert "begin c1" not in story.log


def test_a_second_edit_of_a_file_is_shown_as_it_is_after_the_first() -> None:
    story = Recorded()
    story.play(Scripted([edit("e1"), edit("e1"), edit("e2"), USE], [TextPart("ok"), STOP]))
    # The third is another file, so its question need not wait.
    assert story.asked == ["e1", "e2", "e1"]


def test_a_file_that_is_read_in_the_same_step_may_be_overwritten_so_the_question_waits_for_the_read() -> None:
    story = Recorded()
    seen: dict[str, list[str]] = {}

    async def check(session: AgentSession, turn: Turn, wanted: e.ToolCall) -> Permit:
        seen[wanted.name] = list(story.log)
        return await Recorded.check(story, session, turn, wanted)

    story.check = check  # type: ignore[method-assign]
    write = call("write_file", {"path": "./r1", "content": "x"})
    story.play(Scripted([call("read_file", {"path": "r1"}), write, edit("e1"), USE], [TextPart("ok"), STOP]))
    assert seen["write_file"][:2] == ["begin r1", "end r1"]
    assert seen["edit_file"] == []
