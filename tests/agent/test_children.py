"""Sub-agents: a call becomes a session of its own, its report is the result, and it follows the turn that started it."""

import asyncio
from pathlib import Path

import msgspec
import pytest
from support.limits import limit_s
from support.local_agents import Answer, LocalAgents, Messages, delegate, once, play, prompt_of, results_of, says, script, writes
from support.promises import ENDINGS, check_journal

from opta_protocol.control_events import TurnPausing, TurnResumed, TurnStopping
from opta_protocol.permissions import Level, SessionPolicy


def test_the_report_of_a_child_is_the_result_of_the_call(tmp_path: Path) -> None:
    async def story() -> None:
        async with LocalAgents(tmp_path, script(once("one", "two"), says)) as local:
            sid = await local.session(level=Level.L3, policy=SessionPolicy.unrestricted)
            events = await local.ended(sid, await local.submit(sid, "go", level=Level.L3))
            results = [event["content"] for event in events if event["event"] == "tool.result"]
            children = local.children()
            assert len(children) == 2
            assert sorted(results) == sorted(
                f"report of task {title}\n\n(sub-agent s-{child}: 1 step, 0 tool calls, 110 tokens)"
                for child in children
                for title in [local.events(child)[0]["title"]]
            )
            done = events[-1]
            assert (done["event"], done["children"], done["childTokens"], done["tokens"]) == ("turn.done", 2, 220, 20)
            for child in children:
                start, prompt = local.events(child)[:2]
                (call,) = [event for event in events if event["event"] == "child.start" and event["childSid"] == child]
                assert (start["parent"], start["parentTurn"], start["parentCall"], start["depth"]) == (sid, "t1", call["callId"], 1)
                # As much as its parent may, and no more; the same folder.
                assert (start["level"], start["policy"], start["cwd"]) == ("L3", "unrestricted", str(local.workspace))
                assert (prompt["role"], prompt["text"], prompt["level"], prompt["mode"]) == ("agent", f"task {start['title']}", "L3", "do")
                check_journal((local.paths.sessions / f"{child}.jsonl").read_bytes().splitlines())
            # Nothing of a child goes on in the background.
            await local.until(lambda: sorted(local.session_ends) == sorted(children))

    play(story)


def test_a_child_has_another_context_and_no_tool_to_start_others(tmp_path: Path) -> None:
    async def work(prompt: str, messages: Messages) -> Answer:
        return "done" if results_of(messages) else delegate("deeper")

    async def story() -> None:
        async with LocalAgents(tmp_path, script(once("one"), work)) as local:
            sid = await local.session()
            await local.ended(sid, await local.submit(sid, "go"))
            (sub,) = local.children()
            result = local.named(sub, "tool.result")[0]
            assert (result["code"], result["ok"]) == ("bad_call", False) and "there is no tool 'agent'" in result["content"]
            tools = {
                prompt_of(messages): [tool["function"]["name"] for tool in msgspec.json.decode(tools)] for messages, tools in local.requests
            }
            assert tools["go"] == [*tools["task one"], "agent"]
            (first,) = [messages for messages, _ in local.requests if prompt_of(messages) == "task one" and not results_of(messages)]
            assert [message["role"] for message in first] == ["system", "user"]
            assert "you are a sub-agent" in first[1]["content"]

    play(story)


def test_what_a_model_writes_names_no_file_that_is_read_without_a_question(tmp_path: Path) -> None:
    async def story() -> None:
        async with LocalAgents(tmp_path, script(lambda results: "ok" if results else delegate("@.env"), says)) as local:
            (local.workspace / ".env").write_text("KEY=1\n")
            sid = await local.session()
            await local.ended(sid, await local.submit(sid, "go"))
            (sub,) = local.children()
            assert [event["source"] for event in local.named(sub, "context.injected")] == ["environment"]

    play(story)


def test_four_work_at_the_same_time_and_the_others_wait(tmp_path: Path) -> None:
    working: set[str] = set()
    most: list[int] = []
    may_go = asyncio.Event()

    async def work(prompt: str, messages: Messages) -> Answer:
        working.add(prompt)
        most.append(len(working))
        if len(most) in (4, 7):
            # All that may work at once do now; the last three begin once others have reported.
            may_go.set()
        await may_go.wait()
        if len(most) == 4:
            may_go.clear()
        working.discard(prompt)
        return "ok"

    async def story() -> None:
        async with LocalAgents(tmp_path, script(once(*(f"n{number}" for number in range(7))), work)) as local:
            sid = await local.session()
            events = await local.ended(sid, await local.submit(sid, "go"))
            assert max(most) == 4 and len(local.children()) == 7
            assert sum(event["event"] == "tool.result" and event["ok"] for event in events) == 7
            # All of them are shown at once, also those that wait.
            starts = [event["seq"] for event in events if event["event"] == "child.start"]
            assert len(starts) == 7 and max(starts) < min(event["seq"] for event in events if event["event"] == "tool.result")

    play(story)


def test_questions_of_children_are_reported_once_each_and_answered_in_their_sessions(tmp_path: Path) -> None:
    async def work(prompt: str, messages: Messages) -> Answer:
        if results_of(messages):
            return "written"
        return [("write_file", {"path": f"{prompt[5:]}{number}.txt", "content": "x"}) for number in range(2)]

    async def story() -> None:
        async with LocalAgents(tmp_path, script(once("a", "b"), work)) as local:
            sid = await local.session()
            turn = await local.submit(sid, "go")
            children = await local.until(lambda: len(local.children()) == 2 and local.children())
            await local.until(lambda: all(len(local.asking(child)) == 2 for child in children))
            said = await local.until(
                lambda: len(found := [e for e in local.named(sid, "child.state") if e["state"] == "waiting"]) == 4 and found
            )
            for event in said:
                asked = local.events(event["childSid"])[event["askSeq"] - 1]
                assert asked["event"] == "permission.request" and event["asks"] == f"write_file {asked['args']['path']}"
            # Lists say that the parent waits for a person, too.
            assert (await local.house.client.session(sid)).state == "waiting"
            assert {s.id for s in (await local.house.client.sessions(state="waiting", children=True)).sessions} == {sid, *children}
            for child in children:
                for asked in local.asking(child):
                    await local.answer(asked, is_allowed=child == children[0])
            events = await local.ended(sid, turn)
            assert events[-1]["event"] == "turn.done" and events[-1]["elapsed"] < limit_s(2)
            assert {name for _, name in local.ran} == {"write_file"} and {ran for ran, _ in local.ran} == {children[0]}

    play(story)


def test_an_answer_for_the_session_of_the_parent_does_not_hold_in_a_child(tmp_path: Path) -> None:
    def parent(results: list[str]) -> Answer:
        return [[("write_file", {"path": "mine.txt", "content": "x"})], delegate("one"), "done"][len(results)]

    async def story() -> None:
        async with LocalAgents(tmp_path, script(parent, writes)) as local:
            sid = await local.session()
            turn = await local.submit(sid, "go")
            (asked,) = await local.until(lambda: local.asking(sid))
            from opta_protocol.events import PermissionDecision

            answer = PermissionDecision(
                sid=sid, turn=turn, callId=asked["callId"], requestId=asked["requestId"], decision="allow", by="client", scope="session"
            )
            await local.put(answer)
            (sub,) = await local.until(local.children)
            (question,) = await local.until(lambda: local.asking(sub))
            await local.answer(question)
            await local.ended(sid, turn)

    play(story)


@pytest.mark.parametrize("when", ["running", "asking", "queued"])
def test_a_stopped_turn_stops_its_children(tmp_path: Path, when: str) -> None:
    async def work(prompt: str, messages: Messages) -> Answer:
        if when == "asking":
            return await writes(prompt, messages)
        await asyncio.Event().wait()
        return ""

    async def story() -> None:
        async with LocalAgents(tmp_path, script(once(*"abcdef"), work)) as local:
            sid = await local.session()
            turn = await local.submit(sid, "go")
            children = await local.until(lambda: len(local.children()) == 4 and local.children())
            await local.until(lambda: all(local.asking(each) if when == "asking" else local.named(each, "step.start") for each in children))
            await local.put(TurnStopping(sid=sid, turn=turn, by="client"))
            assert (await local.ended(sid, turn))[-1]["event"] == "session.cancelled"
            for child in children:
                ended = (await local.ended(child, "t1"))[-1]
                assert (ended["event"], ended["by"]) == ("session.cancelled", "parent")
            # Those that waited for a place were never begun.
            assert local.children() == children and not local.ran
            assert (await local.house.client.session(children[0])).state == "idle"

    play(story)


def test_a_pause_holds_for_children_and_ends_with_that_of_the_parent(tmp_path: Path) -> None:
    may_answer = asyncio.Event()

    async def work(prompt: str, messages: Messages) -> Answer:
        if len(results_of(messages)) < 1:
            await may_answer.wait()
            return [("list_dir", {"path": "."})]
        return "ok"

    async def story() -> None:
        async with LocalAgents(tmp_path, script(once(*"abcdef"), work)) as local:
            sid = await local.session()
            turn = await local.submit(sid, "go")
            children = await local.until(lambda: len(local.children()) == 4 and local.children())
            await local.put(TurnPausing(sid=sid, turn=turn, by="client"))
            may_answer.set()
            await local.until(lambda: local.named(sid, "turn.paused"))
            sessions = [await local.house.client.session(each) for each in (sid, *children)]
            assert [session.state for session in sessions] == ["paused"] * 5
            assert local.children() == children
            # A child that was paused with its parent goes on with it.
            refused = await local.put(TurnResumed(sid=children[0], turn="t1", by="client"))
            assert refused is not None and refused.message.endswith(f"Go on with that one: opta sessions resume {sid}")
            await local.restart()
            local.house.local.restart()
            await local.put(TurnResumed(sid=sid, turn=turn, by="client"))
            assert (await local.ended(sid, turn))[-1]["event"] == "turn.done"
            assert len(local.children()) == 6
            assert [len(local.named(child, "turn.resumed")) for child in children] == [1] * 4

    play(story)


def test_a_child_that_a_person_paused_stays_paused_when_its_parent_goes_on(tmp_path: Path) -> None:
    may_answer = asyncio.Event()

    async def work(prompt: str, messages: Messages) -> Answer:
        await may_answer.wait()
        return "ok" if results_of(messages) else [("list_dir", {"path": "."})]

    async def story() -> None:
        async with LocalAgents(tmp_path, script(once("a"), work)) as local:
            sid = await local.session()
            turn = await local.submit(sid, "go")
            (sub,) = await local.until(local.children)
            await local.until(lambda: local.named(sub, "step.start"))
            await local.put(TurnPausing(sid=sub, turn="t1", by="client"))
            await local.put(TurnPausing(sid=sid, turn=turn, by="client"))
            may_answer.set()
            await local.until(lambda: local.named(sub, "turn.paused"))
            await local.put(TurnResumed(sid=sid, turn=turn, by="client"))
            assert (await local.house.client.session(sub)).state == "paused"
            await local.put(TurnResumed(sid=sub, turn="t1", by="client"))
            assert (await local.ended(sid, turn))[-1]["event"] == "turn.done"

    play(story)


@pytest.mark.parametrize("service", ["agent", "store", "tools"])
def test_whoever_is_restarted_no_child_is_started_twice(tmp_path: Path, service: str) -> None:
    async def story() -> None:
        async with LocalAgents(tmp_path, script(once(*"abcdef"), writes)) as local:
            sid = await local.session()
            await local.submit(sid, "go")
            children = await local.until(lambda: len(local.children()) == 4 and local.children())
            await local.until(lambda: all(local.asking(child) for child in children))
            for _ in range(3):
                if service == "store":
                    local.house.local.restart()
                else:
                    await local.restart(service)
            await local.answer(local.asking(children[2])[0])
            while not any(event["event"] in ENDINGS for event in local.events(sid)):
                for child in local.children():
                    for asked in local.asking(child):
                        await local.answer(asked)
                await local.moved()
            events = check_journal((local.paths.sessions / f"{sid}.jsonl").read_bytes().splitlines())
            assert events[-1]["event"] == "turn.done" and events[-1]["children"] == 6
            assert len(local.children()) == 6
            for child in local.children():
                check_journal((local.paths.sessions / f"{child}.jsonl").read_bytes().splitlines())
                assert len(local.named(child, "turn.start")) == 1
            assert len(local.ran) == 6
            assert sum(event["event"] == "child.start" for event in events) == 6

    play(story)


def test_a_child_that_ended_while_no_agent_was_there_still_reports(tmp_path: Path) -> None:
    may_report = asyncio.Event()

    async def work(prompt: str, messages: Messages) -> Answer:
        await may_report.wait()
        return "the report"

    async def story() -> None:
        async with LocalAgents(tmp_path, script(once("a"), work)) as local:
            sid = await local.session()
            turn = await local.submit(sid, "go")
            (sub,) = await local.until(local.children)
            await local.until(lambda: local.named(sub, "step.start"))
            await local.leave("agent")
            # Its turn is stopped by a person meanwhile; the next agent ends it, and the parent hears of that.
            await local.put(TurnStopping(sid=sub, turn="t1", by="client"))
            local.start("agent")
            events = await local.ended(sid, turn)
            (result,) = [event for event in events if event["event"] == "tool.result"]
            assert (result["ok"], result["code"]) == (False, "stopped")
            assert result["content"].startswith("Error: the sub-agent was stopped: Stopped by the user.")

    play(story)
