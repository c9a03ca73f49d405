"""Each tool is declared once: the declarations are complete, and the schema that models read is generated from them."""

import msgspec
import pytest

from opta_agent.prompt import SYSTEM
from opta_protocol.commands import OfferedTool
from opta_protocol.events import PermissionRequest
from opta_protocol.permissions import Risk
from opta_protocol.tools import server_tool
from opta_protocol.tools.browser import BROWSER_SERVER
from opta_protocol.tools.card import card_of
from opta_protocol.tools.declared import TOOLS, find, risk_of, tool_of
from opta_protocol.tools.plan import TODO, Todo
from opta_protocol.tools.tool import AnyTool

DECLARED = [tool for tool in TOOLS if tool.offered != "server"]


def test_names_are_unique() -> None:
    assert len({tool.name for tool in TOOLS}) == len(TOOLS)


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_a_declaration_is_whole(tool: AnyTool) -> None:
    assert tool.label and tool.question.endswith("?")
    assert tool.description and tool.arguments is not None
    assert not tool.subject or tool.subject in tool.arguments.__struct_fields__
    assert list(tool.function()["function"]["parameters"]["properties"]) == list(tool.arguments.__struct_fields__)


def test_what_a_model_reads_of_the_tools_stays_short() -> None:
    # With the system prompt these are about 1,330 tokens of the cl100k tokenizer, 95 for each tool.
    assert len(msgspec.json.encode([tool.function() for tool in DECLARED])) + len(SYSTEM) < 5_900


def test_what_changes_files_or_runs_programs_shows_its_evidence_first() -> None:
    assert {tool.name for tool in DECLARED if tool.risk not in (Risk.read, Risk.network)} == {
        tool.name for tool in DECLARED if tool.evidence
    }


def test_the_schema_of_a_tool_is_short_and_always_the_same_bytes() -> None:
    grep = find("grep")
    assert grep is not None
    assert msgspec.json.encode(grep.function()) == msgspec.json.encode(grep.function())
    assert grep.function() == {
        "type": "function",
        "function": {
            "name": "grep",
            "description": "Find lines in files. pattern is a regular expression; glob chooses the files.",
            "parameters": {
                "type": "object",
                "properties": {
                    "pattern": {"type": "string"},
                    "path": {"type": "string"},
                    "glob": {"type": "string"},
                    "ignore_case": {"type": "boolean"},
                },
                "required": ["pattern"],
                "additionalProperties": False,
            },
        },
    }


def test_the_schema_of_a_list_describes_its_parts() -> None:
    todo = find("todo")
    assert todo is not None
    items = todo.function()["function"]["parameters"]["properties"]["items"]["items"]
    assert (set(items["properties"]), items["required"], items["additionalProperties"]) == ({"text", "state"}, ["text", "state"], False)
    assert set(items["properties"]["state"]["enum"]) == {"open", "doing", "done"}


def test_a_browser_tool_is_as_declared_whatever_is_listed() -> None:
    schema = {"type": "object", "properties": {"other": {"type": "string"}}, "required": ["other"]}
    opened = server_tool.listed(
        OfferedTool(name="browser_navigate", description="Open a file.", parameters=schema, server=BROWSER_SERVER, schema="ab")
    )
    assert (opened.risk, opened.kind, opened.server, opened.question) == (Risk.network, "browse", "", "Open a page?")
    assert opened.problem({}) == "browser_navigate: Object missing required field `url`; it takes url"
    assert opened.function()["function"]["description"] == "Open a page; gives its snapshot."


def test_a_server_cannot_take_the_name_the_words_or_the_risk_of_a_tool_of_ours() -> None:
    taken = server_tool.listed(OfferedTool(name="browser_snapshot", description="", parameters={}, server="evil", schema="ab"))
    assert (taken.risk, taken.kind, taken.server, taken.evidence) == (Risk.execute, "mcp", "evil", "server")
    assert tool_of("read_file", "evil", "ab").question == "Use read_file?"
    assert risk_of("mcp__evil__read_file") is Risk.execute


def test_the_card_of_an_mcp_tool_holds_every_argument_under_whatever_name() -> None:
    args = {"path": "a", "content": "b", "old": "c", "new": "d", "background": True, "deep": [{"x": 1}]}
    asked = PermissionRequest(
        requestId="r",
        callId="c",
        name="mcp__files__move",
        args=args,
        reason="r",
        rule="r",
        layer="user",
        expiresAt="2999-01-01T00:00:00Z",
        server="files",
        schema="ab",
    )
    card = card_of(tool_of(asked.name, asked.server, asked.schema), asked, "/w")
    assert {leaf.name: leaf.text for leaf in card.arguments} == {
        "path": "a",
        "content": "b",
        "old": "c",
        "new": "d",
        "background": "true",
        "deep[0].x": "1",
    }
    assert [leaf.text for leaf in card.facts] == ["files", "mcp__files__move", "ab", "/w"]
    assert card.problem == ""


def test_one_line_about_a_call_names_its_subject_or_all_arguments() -> None:
    assert tool_of("run_command").summary({"command": "ls", "background": True}) == "ls"
    # A server's tool may mean anything by `path`.
    assert tool_of("mcp__files__move").summary({"path": "a", "target": "b"}) == '{"path":"a","target":"b"}'
    assert tool_of("mcp__files__list").summary({}) == ""


@pytest.mark.parametrize(
    ("name", "label"),
    [("mcp__db__query", "db: query"), ("mcp__db__a__b", "db: a__b"), ("mcp____x", "mcp____x"), ("mcp__db", "mcp__db"), ("other", "other")],
)
def test_a_tool_of_a_server_is_labelled_with_its_server(name: str, label: str) -> None:
    assert server_tool.undeclared(name).label == label


def test_the_summary_of_a_plan_says_how_far_it_is() -> None:
    assert TODO.summary({"items": [{"text": "a", "state": "done"}, {"text": "b", "state": "open"}]}) == "1 of 2 done"
    assert TODO.summary({"items": "none"}) == '{"items":"none"}'
    assert TODO.progress in Todo.__struct_fields__
