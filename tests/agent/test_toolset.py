"""The tools offered to a turn: the same bytes at every step, and only those that the model declares it can use."""

import msgspec
from support.story import Story

from opta_agent.toolset import Offered
from opta_protocol import events as e
from opta_protocol.commands import OfferedTool, ToolList
from opta_protocol.permissions import Risk
from opta_protocol.tools.declared import TOOLS

LISTED = ToolList(
    sid="abcdef",
    turn="t1",
    tools=[
        OfferedTool(name="mcp__files__move", description="Move.", parameters={"type": "object"}, server="files", schema="ab"),
        OfferedTool(name="write_file", description="Mine now.", parameters={"type": "object"}, server="files", schema="cd"),
    ],
)


def names(offered: Offered, story: Story, usable: tuple[str, ...] | None = None) -> list[str]:
    turn = story.session.transcript.turn("t1")
    assert turn is not None
    found = msgspec.json.decode(offered.encoded(story.session, turn, usable))
    return [tool["function"]["name"] for tool in found]


def test_declared_tools_come_first_in_their_order_and_those_of_servers_last() -> None:
    always = [tool.name for tool in TOOLS if tool.offered == "always"]
    assert names(Offered(), Story()) == always
    assert names(Offered(LISTED), Story()) == [*always, "mcp__files__move"]


def test_the_same_turn_gets_the_same_bytes() -> None:
    story, offered = Story(), Offered(LISTED)
    turn = story.session.transcript.turn("t1")
    assert turn is not None
    assert offered.encoded(story.session, turn) is offered.encoded(story.session, turn)
    assert bytes(offered.encoded(story.session, turn)) == bytes(Offered(LISTED).encoded(story.session, turn))


def test_tools_for_background_commands_come_once_one_was_started() -> None:
    story = Story()
    story.emit(e.StepStart(sid="abcdef", turn="t1", step=1, provider="p", model="m", attempt=1))
    assert "command_stop" not in names(Offered(), story)
    args = {"command": "make serve", "background": True}
    story.emit(e.ToolCall(sid="abcdef", turn="t1", callId="c1", name="run_command", args=args, risk=Risk.execute, step=1))
    assert names(Offered(), story)[-2:] == ["command_output", "command_stop"]


def test_a_model_is_offered_what_it_declares_it_can_use() -> None:
    assert names(Offered(LISTED), Story(), ("grep", "read_file", "unheard_of")) == ["read_file", "grep"]
    assert names(Offered(LISTED), Story(), ()) == []


def test_a_server_cannot_take_the_name_of_a_tool_of_ours() -> None:
    tool = Offered(LISTED).get("write_file")
    assert tool is not None
    assert (tool.server, tool.risk) == ("", Risk.write)
