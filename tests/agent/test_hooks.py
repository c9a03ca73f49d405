"""Hooks in a turn: what each answer means for the call and the turn, that a judge who fails stops its call, and what a later agent repeats."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from support.story import SID
from support.talk import DONE, USE, Talk

from opta_agent.hook_answers import answer_of
from opta_agent.hooks import INTERRUPTED, MORE_STEPS_MAX, Hooks
from opta_agent.providers.base import CallPart, Part
from opta_core.errors import OptaError
from opta_core.hook_settings import HookSettings
from opta_protocol import events as e
from opta_protocol.commands import HookEnded, RunHook
from opta_protocol.event_parts import Change
from opta_protocol.hook_events import HookOn

LOST = HookEnded(hookId="", code="worker_lost", problem="the tool worker that ran it has ended")


def said(exit_: int = 0, output: object = "", errors: str = "", **more: Any) -> HookEnded:
    text = output if isinstance(output, str) else json.dumps(output)
    return HookEnded(hookId="", exit=exit_, output=text, errors=errors, **more)


def writes(path: str = "a.py") -> list[Part | OptaError]:
    return [CallPart("x", "write_file", json.dumps({"path": path, "content": "x"})), USE]


class Hooked(Talk):
    """A talk with hooks that answer as scripted. `worker`: the boot of the tool worker."""

    def __init__(self, folder: Path, hooks: list[HookSettings], *answers: HookEnded):
        super().__init__(folder)
        self.answers, self.orders, self.boot = list(answers), list[RunHook](), "w1"
        story = self

        class Runner:
            async def worker(self) -> str:
                return story.boot

            async def run(self, order: RunHook) -> HookEnded:
                story.orders.append(order)
                return story.answers.pop(0)

        async def written(event: e.Event) -> None:
            self.emit(event)

        self.hooks = Hooks(hooks, Runner(), self.emit, written)

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    def outcomes(self) -> list[tuple[str, str]]:
        return [(event.outcome, event.code) for event in self.of(e.HookResult)]


def hook(on: HookOn = "before-tool", **more: Any) -> HookSettings:
    return HookSettings(on=on, command=more.pop("command", ["judge"]), **more)


def test_a_hook_that_does_not_object_leaves_the_decision_to_the_gate(tmp_path: Path) -> None:
    for output in ("", {"decision": "approve"}, {"hookSpecificOutput": {"permissionDecision": "allow"}}):
        talk = Hooked(tmp_path, [hook()], said(0, output))
        talk.denied = frozenset({"write_file"})
        talk.turn(writes(), DONE)
        assert talk.outcomes() == [("ok", "")]
        # What the hook allows is denied nevertheless.
        assert [event.code for event in talk.of(e.ToolResult)] == ["denied"]


REFUSALS: list[tuple[HookEnded, str]] = [
    (said(2, errors="No writes on Friday.\n"), "No writes on Friday."),
    (said(2), "it gave no reason"),
    (said(2, {"decision": "block", "reason": "In JSON."}), "In JSON."),
    (said(2, "In words."), "In words."),
    (said(0, {"decision": "block", "reason": "Not here."}), "Not here."),
    (said(0, {"decision": "deny", "reason": "Not here."}), "Not here."),
    (said(0, {"hookSpecificOutput": {"permissionDecision": "deny", "permissionDecisionReason": "Nope."}}), "Nope."),
    (said(0, {"decision": "approve", "hookSpecificOutput": {"permissionDecision": "deny"}}), "it gave no reason"),
    (said(0, {"continue": False, "stopReason": "Enough."}), "Enough."),
]


@pytest.mark.parametrize(("ended", "reason"), REFUSALS)
def test_a_hook_refuses_a_call_and_its_reason_reaches_the_model_and_the_person(tmp_path: Path, ended: HookEnded, reason: str) -> None:
    talk = Hooked(tmp_path, [hook()], ended)
    _, second = talk.turn(writes(), DONE)
    assert second[-1]["content"] == f"Error: the hook judge of the user refuses this call: {reason}"
    (result,) = talk.of(e.HookResult)
    assert (result.outcome, result.reason) == ("refused", reason)
    # Nobody is asked about a call that does not run, and it needs no decision.
    assert not talk.of(e.PermissionDecision) and talk.of(e.ToolResult)[0].code == "hook_refused"


FAILURES: list[tuple[HookEnded, str]] = [
    (said(1, errors="Traceback\nKeyError: 'x'"), "exit_1"),
    (said(127), "exit_127"),
    (said(0, "all good!"), "bad_output"),
    (said(0, '{"decision": '), "bad_output"),
    (said(0, {"decision": "maybe"}), "bad_output"),
    (said(0, {"decision": "ask"}), "bad_output"),
    (said(0, {"decision": 1}), "bad_output"),
    (said(0, {"decision": "deny", "reason": ["x"]}), "bad_output"),
    (said(0, "[" * 5000), "bad_output"),
    (said(0, '{"a":' * 5000), "bad_output"),
    (HookEnded(hookId="", code="timeout", problem="timed out after 1 s"), "timeout"),
    (HookEnded(hookId="", code="killed", problem="killed by signal 9"), "killed"),
    (HookEnded(hookId="", code="no_program", problem="there is no program 'judge'"), "no_program"),
    (HookEnded(hookId="", code="sandbox", problem="the sandbox could not be made"), "sandbox"),
]


@pytest.mark.parametrize(("ended", "code"), FAILURES)
def test_a_judge_that_fails_stops_its_call_unless_the_user_wants_otherwise(tmp_path: Path, ended: HookEnded, code: str) -> None:
    talk = Hooked(tmp_path, [hook()], ended)
    _, second = talk.turn(writes(), DONE)
    assert talk.outcomes() == [("failed", code)] and talk.of(e.HookResult)[0].reason
    assert "has to judge this call before it runs, and failed" in second[-1]["content"]
    assert talk.of(e.ToolResult)[0].code == "hook_refused"
    is_open = Hooked(tmp_path, [hook(on_failure="go-on")], ended)
    _, second = is_open.turn(writes(), DONE)
    assert second[-1]["content"] == "ran" and is_open.of(e.HookResult)[0].isOpen


@pytest.mark.parametrize("ended", [ended for ended, code in FAILURES if code != "bad_output"])
def test_a_hook_that_fails_behind_a_tool_or_a_turn_is_named_and_stops_nothing(tmp_path: Path, ended: HookEnded) -> None:
    talk = Hooked(tmp_path, [hook("after-tool"), hook("turn-end")], ended, ended)
    _, second = talk.turn(writes(), DONE)
    assert second[-1]["content"] == "ran"
    assert [event.outcome for event in talk.of(e.HookResult)] == ["failed", "failed"] and talk.of(e.TurnDone)[0].finish == "stop"


def test_words_behind_a_tool_are_read_with_its_result_by_every_agent(tmp_path: Path) -> None:
    change = Change(path="a.py", before="1", after="2", diff="-x\n+y")
    talk = Hooked(tmp_path, [hook("after-tool", name="format")], said(0, {"additionalContext": "Use tabs."}, changes=[change]))
    requests = talk.turn(writes(), DONE)
    assert requests[1][-1]["content"] == (
        "ran\n\n[The hook format of the user says: Use tabs.]\n[The hook format of the user changed a.py:\n-x\n+y]"
    )
    turn = talk.session.transcript.turn("t1")
    assert turn is not None and turn.steps[0].calls[0].changes == [change]
    later = talk.again()
    later.settle("")
    assert later.history.parts(None)[0].messages[2]["content"] == requests[1][-1]["content"]
    assert (talk.orders[0].paths, json.loads(talk.orders[0].input)["tool_response"]["ok"]) == ([], True)


def test_only_what_a_hook_is_about_is_shown_to_it(tmp_path: Path) -> None:
    hooks = [
        hook(tools=["write_*"], name="a"),
        hook(tools=["run_command"], name="b"),
        hook("after-tool", command=["f", "{path}", "in {cwd}"]),
    ]
    talk = Hooked(tmp_path, hooks, said(), said())
    listing: list[Part | OptaError] = [CallPart("x", "todo", '{"items":[]}'), USE]
    talk.turn(writes("sub/a {cwd}.py"), listing, DONE)
    assert [event.hook for event in talk.of(e.HookStart)] == ["a", "f"]
    assert talk.orders[1].argv == ["f", f"{tmp_path}/sub/a {{cwd}}.py", f"in {tmp_path}"]
    given = json.loads(talk.orders[0].input)
    assert given | {"tool_use_id": "", "level": ""} == {
        "hook_event_name": "PreToolUse",
        "session_id": SID,
        "turn_id": "t1",
        "cwd": str(tmp_path),
        "mode": "do",
        "level": "",
        "attempt": 1,
        "tool_name": "write_file",
        "tool_input": {"path": "sub/a {cwd}.py", "content": "x"},
        "tool_use_id": "",
        "file_path": f"{tmp_path}/sub/a {{cwd}}.py",
    }


def test_the_first_refusal_counts_and_later_hooks_are_not_asked(tmp_path: Path) -> None:
    talk = Hooked(tmp_path, [hook(name="a"), hook(name="b"), hook(name="c")], said(), said(2, errors="no"))
    talk.turn(writes(), DONE)
    assert [event.hook for event in talk.of(e.HookStart)] == ["a", "b"]


def test_a_hook_at_the_end_asks_for_more_and_the_most_is_bounded(tmp_path: Path) -> None:
    more = said(2, errors="The tests fail.")
    talk = Hooked(tmp_path, [hook("turn-end", name="tests")], *[more] * MORE_STEPS_MAX)
    requests = talk.turn(*[DONE] * (MORE_STEPS_MAX + 1))
    words = "Before the turn ends, the hook tests of the user asks: The tests fail."
    assert requests[1][-1] == {"role": "user", "content": words}
    assert all(later[: len(request)] == request for request, later in pairwise(requests))
    assert [event.nudge for event in talk.of(e.StepStart)] == ["", words, words, words]
    assert [json.loads(order.input)["stop_hook_active"] for order in talk.orders] == [False, True, True]
    assert "which is the most in a turn" in talk.warnings()[0] and talk.of(e.TurnDone)[0].finish == "stop"
    assert json.loads(talk.orders[0].input)["last_assistant_message"] == "done"


def before(events: list[e.Event], kind: type[Any], number: int = 1) -> list[e.Event]:
    """The events up to the `number`-th of a kind, without it."""
    at = [place for place, event in enumerate(events) if isinstance(event, kind)][number - 1]
    return events[:at]


@pytest.mark.parametrize("on", ["before-tool", "after-tool", "turn-end"])
def test_an_agent_that_takes_over_waits_for_a_hook_that_runs_and_repeats_none_that_ended(tmp_path: Path, on: HookOn) -> None:
    first = Hooked(tmp_path, [hook(on)], said(), said())
    first.turn(writes(), DONE)
    ended = [event for event in first.events if not isinstance(event, e.TurnDone)]
    running = Hooked(tmp_path, [hook(on)], said(), said())
    running.take_over(before(ended, e.HookResult), 1)
    running.turn(*([] if on == "turn-end" else [DONE]), is_stored=True)
    starts = running.of(e.HookStart)
    assert running.orders[0].hookId == starts[0].hookId and running.orders[0].worker == "w1"
    assert len(starts) == 1 and running.outcomes() == [("ok", "")]
    over = Hooked(tmp_path, [hook(on)])
    over.take_over(ended, 1)
    over.turn(is_stored=True)
    assert not over.orders and len(over.of(e.HookStart)) == 1


def test_a_judge_whose_worker_died_is_asked_again_and_the_journal_says_so(tmp_path: Path) -> None:
    first = Hooked(tmp_path, [hook()], said())
    first.turn(writes(), DONE)
    later = Hooked(tmp_path, [hook()], LOST, said(2, errors="no"))
    later.boot = "w2"
    later.take_over(before(first.events, e.HookResult), 1)
    later.turn(DONE, is_stored=True)
    assert [(event.worker, event.attempt) for event in later.of(e.HookStart)] == [("w1", 1), ("w2", 2)]
    assert later.outcomes() == [("interrupted", "worker_lost"), ("refused", "")]
    assert json.loads(later.orders[1].input)["attempt"] == 2
    # Without end it is not asked: then it has failed, and the call does not run.
    never = Hooked(tmp_path, [hook()], LOST, LOST, LOST)
    never.turn(writes(), DONE)
    assert [outcome for outcome, _ in never.outcomes()] == ["interrupted", "interrupted", "failed"]
    assert never.of(e.ToolResult)[0].code == "hook_refused"


@pytest.mark.parametrize("on", ["after-tool", "turn-end"])
def test_what_may_have_taken_effect_is_not_run_again(tmp_path: Path, on: HookOn) -> None:
    talk = Hooked(tmp_path, [hook(on)], LOST)
    talk.turn(writes(), DONE)
    (result,) = talk.of(e.HookResult)
    assert (result.outcome, result.reason) == ("interrupted", INTERRUPTED) and talk.of(e.TurnDone)
    later = Hooked(tmp_path, [hook(on)])
    later.take_over([event for event in talk.events if not isinstance(event, e.TurnDone)], 1)
    later.turn(is_stored=True)
    assert not later.orders


def test_a_call_that_was_allowed_is_judged_before_a_later_agent_runs_it(tmp_path: Path) -> None:
    first = Talk(tmp_path)
    first.turn(writes(), DONE)
    later = Hooked(tmp_path, [hook()], said(2, errors="no"))
    later.take_over(before(first.events, e.ToolResult), 1)
    later.turn(DONE, is_stored=True)
    assert later.of(e.ToolResult)[0].code == "hook_refused"


def test_without_a_worker_a_judge_fails_and_says_why(tmp_path: Path) -> None:
    talk = Hooked(tmp_path, [hook()])
    talk.boot = ""
    talk.turn(writes(), DONE)
    assert talk.outcomes() == [("failed", "worker_lost")] and "no tool worker answers" in talk.of(e.ToolResult)[0].content


def test_words_are_bounded() -> None:
    assert len(answer_of("turn-end", said(2, errors="x" * 60_000)).words) == 8_000
    assert len(answer_of("before-tool", said(0, "x" * 60_000)).words) < 500
