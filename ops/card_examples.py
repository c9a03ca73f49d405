"""Permission requests of every kind with the cards that Python builds for them. The page's tests build the same cards."""

from typing import Any

import msgspec

from opta_protocol.event_parts import Execution, Writing
from opta_protocol.events import PermissionRequest
from opta_protocol.tools.card import card_of
from opta_protocol.tools.declared import TOOLS, tool_of
from opta_protocol.tools.tool import AnyTool

WORKSPACE = "/work"
# Values of every type, for tools whose arguments are not declared: the card shows them all.
ODD: dict[str, Any] = {
    "path": "not the subject",
    "from": "a",
    "to": {"deep": ["b", 2, None, True, [], {}], "a key": "", "ключ": "x"},
    "number": "12",
    "text": "two\nlines  ",
    "quoted": '"already"',
}


def examples() -> list[dict[str, Any]]:
    """`{request, card}` for each declared tool, with and without its evidence, and for MCP tools."""
    requests = [request for tool in TOOLS for request in _requests(tool)]
    requests += [
        _request("mcp__files__move", ODD, server="files", schema="ab" * 32),
        _request("mcp__files__move", ODD),
        _request("mcp__files__move", ODD, server="files"),
        _request("unheard_of", ODD),
        # A server whose tool has the name of a declared tool gets neither its label nor its rights.
        _request("read_file", ODD, server="files", schema="ab" * 32),
    ]
    return [
        {
            "request": msgspec.to_builtins(request),
            "card": msgspec.to_builtins(card_of(tool_of(request.name, request.server, request.schema), request, WORKSPACE)),
        }
        for request in requests
    ]


def _requests(tool: AnyTool) -> list[PermissionRequest]:
    args = _arguments(tool)
    execution = Execution(
        folder="/work/api", timeoutS=5400.0, sandbox="landlock", background=True, network="list", programs=["/bin/a", "/bin/b"]
    )
    writing = Writing(bytes=3, sha256="c" * 64, bytesBefore=2, sha256Before="d" * 64, note="The encoding changes.")
    match tool.evidence:
        case "execution":
            shorter = Execution(folder="/work", timeoutS=0.5, sandbox="full")
            return [_request(tool.name, args, execution=execution), _request(tool.name, args, execution=shorter), _request(tool.name, args)]
        case "writing":
            created = Writing(bytes=0, sha256="e" * 64)
            return [_request(tool.name, args, writing=writing), _request(tool.name, args, writing=created), _request(tool.name, args)]
        case _:
            return [_request(tool.name, args), _request(tool.name, args, expiresAt="")]


def _arguments(tool: AnyTool) -> dict[str, Any]:
    """Arguments in a different order than in the card."""
    assert tool.arguments is not None
    values: dict[str, Any] = {"edits": [{"old": "a", "new": "", "all": True}], "items": [{"text": "one", "state": "open"}]}
    fields = [field for field in reversed(tool.arguments.__struct_fields__) if field != tool.subject]
    return {**{field: values.get(field, f"the {field}") for field in fields}, **({tool.subject: "about this"} if tool.subject else {})}


def _request(name: str, args: dict[str, Any], expiresAt: str = "2999-01-01T00:00:00Z", **fields: Any) -> PermissionRequest:
    return PermissionRequest(
        sid="abcdef", turn="t1", requestId="r1", callId="c1", name=name, args=args, reason="because", rule="r", layer="defaults",
        expiresAt=expiresAt, **fields,
    )  # fmt: skip
