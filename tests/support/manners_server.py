"""An MCP server on standard input and output that behaves as its first argument says: the manners of real servers, well and badly."""

import base64
import json
import sys
import threading
from pathlib import Path
from typing import Any

MANNER = sys.argv[1]
OBJECT = {"type": "object", "properties": {"x": {"type": "string"}}}
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"x" * 100).decode()
state: dict[str, Any] = {"listed": 0, "held": []}


def send(message: Any) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def tool(name: Any, schema: Any = OBJECT, **more: Any) -> dict[str, Any]:
    return {"name": name, "description": f"does {name}", "inputSchema": schema, **more}


def tools() -> list[Any]:
    match MANNER:
        case "names":
            names = ["plain", "files.read", "files/read", "files_read", "größe", "读取", "a b", "n" * 90, "n" * 91, "x:y", "ok-1", "🎉"]
            return [tool(name) for name in names]
        case "bad-tools":
            return [
                tool("good"),
                {"name": "bare"},
                tool("null", None),
                tool("text", "a string"),
                tool("list", [1]),
                tool("array", {"type": "array"}),
                tool("no-type", {"properties": {"a": {"type": "string"}}}),
                tool("required", {"type": "object", "required": "a"}),
                tool("properties", {"type": "object", "properties": ["a"]}),
                tool("twice"),
                tool("twice", {"type": "object", "properties": {"other": {}}}),
                tool(None),
                tool(17),
                {"description": "no name"},
                "not a tool",
                None,
                tool("annotated", annotations={"readOnlyHint": "yes"}, outputSchema=7, icons="no", _meta=[]),
            ]
        case _:
            return [tool("do")]


RESULTS: dict[str, Any] = {
    "text": {"content": [{"type": "text", "text": "hello"}]},
    "image": {"content": [{"type": "text", "text": "see"}, {"type": "image", "data": PNG, "mimeType": "image/png"}]},
    "audio": {"content": [{"type": "audio", "data": PNG, "mimeType": "audio/wav"}]},
    "bad-image": {"content": [{"type": "image", "data": "%%%", "mimeType": "image/png"}]},
    "resource": {"content": [{"type": "resource", "resource": {"uri": "file:///a", "mimeType": "text/plain", "text": "inside"}}]},
    "blob": {"content": [{"type": "resource", "resource": {"uri": "file:///a.pdf", "mimeType": "application/pdf", "blob": PNG}}]},
    "link": {
        "content": [
            {
                "type": "resource_link",
                "uri": "https://example.test/a",
                "name": "a page",
                "mimeType": "text/html",
                "description": "all of it",
            }
        ]
    },
    "structured": {"content": [], "structuredContent": {"sum": 5}},
    "structured-only": {"structuredContent": {"sum": 6}},
    "structured-twice": {"content": [{"type": "text", "text": '{"sum": 7}'}], "structuredContent": {"sum": 7}},
    "structured-more": {"content": [{"type": "text", "text": "seven"}], "structuredContent": {"sum": 7}},
    "unknown": {"content": [{"type": "video", "url": "https://example.test/v"}, {"type": "text", "text": "after"}]},
    "typeless": {"content": [{"text": "no type"}, "a string", 5, None]},
    "string": {"content": "just text"},
    "dict": {"content": {"type": "text", "text": "one part"}},
    "null": {"content": None},
    "empty": {"content": []},
    "nothing": {},
    "old": {"toolResult": "from an old server"},
    "error": {"content": [{"type": "text", "text": "it broke"}], "isError": True},
    "error-empty": {"content": [], "isError": True},
    "null-text": {"content": [{"type": "text", "text": None}]},
    "surrogate": {"content": [{"type": "text", "text": "half \ud800 pair"}]},
    "large": {"content": [{"type": "text", "text": "line\n" * 400_000}]},
    "huge-image": {"content": [{"type": "image", "data": base64.b64encode(b"p" * 3_000_000).decode(), "mimeType": "image/png"}]},
}


def call(number: Any, params: dict[str, Any]) -> None:
    name, args = params["name"], params.get("arguments") or {}
    match MANNER:
        case "results":
            send({"jsonrpc": "2.0", "id": number, "result": RESULTS[args["x"]]})
        case "too-long":
            if args.get("x") == "long":
                sys.stdout.write(f'{{"jsonrpc": "2.0", "id": {number}, "result": {{"content": [{{"type": "text", "text": "')
                for _ in range(20):
                    sys.stdout.write("y" * 1024 * 1024)
                sys.stdout.write('"}]}}\n')
                sys.stdout.flush()
            else:
                send({"jsonrpc": "2.0", "id": number, "result": RESULTS["text"]})
        case "out-of-order":
            state["held"].append((number, args["x"]))
            if len(state["held"]) == 3:
                for each, said in reversed(state["held"]):
                    send({"jsonrpc": "2.0", "id": each, "result": {"content": [{"type": "text", "text": said}]}})
        case "logs":
            for line in range(500):
                print(f"2030-01-01 INFO request {line} {{not json}}", flush=True)
            print(json.dumps({"level": "info", "message": "a JSON log"}), flush=True)
            send({"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": "log"}})
            send({"jsonrpc": "2.0", "id": number, "result": RESULTS["text"]})
        case "asks":
            for method in ("ping", "roots/list", "sampling/createMessage", "elicitation/create"):
                send({"jsonrpc": "2.0", "id": f"s-{method}", "method": method, "params": {}})
            answers = sorted(json.loads(sys.stdin.readline())["id"] for _ in range(4))
            send({"jsonrpc": "2.0", "id": number, "result": {"content": [{"type": "text", "text": " ".join(answers)}]}})
        case "string-ids":
            send({"jsonrpc": "2.0", "id": str(number), "result": RESULTS["text"]})
        case "batch":
            send(
                [
                    {"jsonrpc": "2.0", "method": "notifications/message", "params": {}},
                    {"jsonrpc": "2.0", "id": number, "result": RESULTS["text"]},
                ]
            )
        case "protocol-error":
            send({"jsonrpc": "2.0", "id": number, "error": {"code": -32602, "message": "x must be a number"}})
        case "odd-error":
            send({"jsonrpc": "2.0", "id": number, "error": "just words"})
        case _:
            send({"jsonrpc": "2.0", "id": number, "result": {"content": [{"type": "text", "text": f"{name} {args.get('x', '')}".strip()}]}})


def list_tools(number: Any, params: dict[str, Any]) -> None:
    state["listed"] += 1
    cursor = params.get("cursor")
    page = int(cursor) if cursor and cursor.isdigit() else 0
    match MANNER:
        case "pages":
            result = {"tools": [tool(f"t{page}-{n}") for n in range(7)], **({"nextCursor": str(page + 1)} if page < 12 else {})}
        case "repeats":
            result = {"tools": tools(), "nextCursor": "same"}
        case "second-fails" if page:
            send({"jsonrpc": "2.0", "id": number, "error": {"code": -32603, "message": "no second page"}})
            return
        case "second-fails":
            result = {"tools": tools(), "nextCursor": "1"}
        case "changes":
            result = {"tools": [tool("do")] + [tool("new")] * (state["listed"] > 1)}
            if state["listed"] == 1:
                send({"jsonrpc": "2.0", "id": number, "result": result})
                send({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"})
                return
        case "slow-list":
            be_slow(sys.argv[2])
            result = {"tools": tools()}
        case _:
            result = {"tools": tools()}
    send({"jsonrpc": "2.0", "id": number, "result": result})


def be_slow(until: str) -> None:
    """Wait for so many seconds, or until there is a file of this name."""
    if until.isdecimal():
        threading.Event().wait(float(until))
    while not (until.isdecimal() or Path(until).exists()):
        threading.Event().wait(0.05)


def initialize(number: Any, params: dict[str, Any]) -> None:
    version: Any = params["protocolVersion"]
    capabilities: Any = {"tools": {}}
    match MANNER:
        case "old-protocol":
            version = "2024-11-05"
        case "future-protocol":
            version = "2099-01-01"
        case "refuses-protocol" if version != "2024-10-07":
            error = {"code": -32602, "message": "Unsupported protocol version", "data": {"supported": ["2024-10-07"], "requested": version}}
            send({"jsonrpc": "2.0", "id": number, "error": error})
            return
        case "no-capabilities":
            capabilities = {}
        case "lies":
            # Declares lists that it does not serve.
            capabilities = {"tools": {}, "prompts": {}, "resources": {}}
        case "bare":
            send({"jsonrpc": "2.0", "id": number, "result": {"protocolVersion": version}})
            return
        case "slow-start":
            be_slow(sys.argv[2])
        case "hangs":
            return
        case _:
            pass
    info = {"name": "manners", "version": "1"}
    send({"jsonrpc": "2.0", "id": number, "result": {"protocolVersion": version, "capabilities": capabilities, "serverInfo": info}})


def main() -> None:
    if MANNER == "banner":
        sys.stdout.write("\ufeffWelcome!\n\x1b[32mstarting\x1b[0m ... ")
        sys.stdout.flush()
    for line in sys.stdin:
        message = json.loads(line)
        method, number, params = message.get("method"), message.get("id"), message.get("params") or {}
        if method == "initialize":
            initialize(number, params)
        elif method == "tools/list":
            list_tools(number, params)
        elif method == "tools/call":
            call(number, params)
        elif number is not None and method is not None:
            send({"jsonrpc": "2.0", "id": number, "error": {"code": -32601, "message": "no such method"}})


main()
