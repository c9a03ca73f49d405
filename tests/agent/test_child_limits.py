"""What bounds sub-agents: limits of their settings and of the turn that started them, plan mode, and where they are listed."""

from pathlib import Path
from typing import Any

from support.limits import limit_s
from support.local_agents import Answer, LocalAgents, Messages, delegate, once, play, prompt_of, results_of, says, script, writes

from opta_core.agent_settings import AgentSettings
from opta_core.settings import PermissionSettings, Settings
from opta_protocol.event_parts import Limits
from opta_protocol.permissions import Level, Mode, SessionPolicy


def with_limits(**agents: Any) -> Settings:
    return Settings(agents=AgentSettings(**agents), permissions=PermissionSettings(timeout_s=limit_s(20)))


async def goes_on(prompt: str, messages: Messages) -> Answer:
    return [("read_file", {"path": f"{len(results_of(messages))}.txt"})]


def test_a_child_that_meets_its_limit_says_so(tmp_path: Path) -> None:
    async def story() -> None:
        async with LocalAgents(tmp_path, script(once("a"), goes_on), with_limits(max_steps=3)) as local:
            sid = await local.session()
            events = await local.ended(sid, await local.submit(sid, "go"))
            (result,) = [event for event in events if event["event"] == "tool.result"]
            assert (result["ok"], result["code"]) == (False, "limit")
            assert result["content"].startswith("Error: the sub-agent is not finished. The turn met its limit max-steps = 3.")
            assert [event["state"] for event in events if event["event"] == "child.state"][-1] == "limit"

    play(story)


def test_children_share_what_is_left_of_the_limits_of_their_parent(tmp_path: Path) -> None:
    async def story() -> None:
        async with LocalAgents(tmp_path, script(once(*"abcdef"), goes_on)) as local:
            sid = await local.session()
            turn = await local.submit(sid, "go", limits=Limits(steps=20, calls=100, tokens=30_000, minutes=5))
            events = await local.ended(sid, turn)
            given = [local.events(child)[1]["limits"] for child in local.children()]
            # A fifth is kept for the turn itself.
            assert min(limits["steps"] for limits in given) == 15 // 6 and all(limits["minutes"] <= 5 for limits in given)
            used = [event for event in events if event["event"] == "child.state" and event["state"] in ("limit", "done", "failed")]
            assert 1 + sum(event.get("step", 0) for event in used) <= 16
            assert (events[-1]["finish"], events[-1]["children"]) == ("stop", 6)
            # What children used counts for the turn.
            again = await local.ended(sid, await local.submit(sid, "go", limits=Limits(steps=2)))
            assert again[-1]["finish"] == "budget" and "with those of its sub-agents" in again[-2]["message"]

    play(story)


def test_nothing_left_is_a_result_and_starts_no_child(tmp_path: Path) -> None:
    async def story() -> None:
        async with LocalAgents(tmp_path, script(once(*"ab"), says)) as local:
            sid = await local.session()
            events = await local.ended(sid, await local.submit(sid, "go", limits=Limits(calls=2)))
            contents = [event["content"] for event in events if event["event"] == "tool.result"]
            assert sum("nothing is left of the turn's limit max-calls" in content for content in contents) == 2 and not local.children()

    play(story)


def test_a_read_only_child_and_the_child_of_a_plan_change_nothing(tmp_path: Path) -> None:
    def parent(results: list[str]) -> Answer:
        return [delegate("a"), delegate("b", read_only=True), "# Plan"][len(results)]

    async def story() -> None:
        async with LocalAgents(tmp_path, script(parent, writes)) as local:
            sid = await local.session(policy=SessionPolicy.unrestricted)
            events = await local.ended(sid, await local.submit(sid, "go", Mode.plan, Level.L3))
            refused, reported = [event for event in events if event["event"] == "tool.result"]
            assert (refused["ok"], refused["code"]) == (False, "plan_mode") and "start the sub-agent with read_only" in refused["content"]
            assert reported["ok"]
            (sub,) = local.children()
            assert local.events(sub)[1]["mode"] == "plan"
            (result,) = local.named(sub, "tool.result")
            assert result["code"] == "plan_mode" and not local.ran
            (decision,) = local.named(sub, "permission.decision")
            assert (decision["decision"], decision["layer"]) == ("deny", "mode")
            (request,) = [messages for messages, _ in local.requests if prompt_of(messages) == "task b" and not results_of(messages)]
            assert "mode plan: read only, nothing can be changed; you are a sub-agent" in request[1]["content"]

    play(story)


def test_lists_leave_children_out_unless_they_are_asked_for(tmp_path: Path) -> None:
    async def story() -> None:
        async with LocalAgents(tmp_path, script(once("a"), says)) as local:
            sid = await local.session()
            await local.ended(sid, await local.submit(sid, "go"))
            (sub,) = local.children()
            client = local.house.client
            for _ in range(2):
                assert [s.id for s in (await client.sessions()).sessions] == [sid]
                assert [s.id for s in (await client.sessions(parent=sid)).sessions] == [sub]
                assert {s.id for s in (await client.sessions(children=True)).sessions} == {sid, sub}
                local.house.local.restart()

    play(story)
