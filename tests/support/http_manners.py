"""MCP servers over HTTP in the manners of real ones: JSON or event streams, sessions that are lost, logins, redirects, broken streams."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOOLS = [{"name": "do", "description": "does", "inputSchema": {"type": "object"}}]


class HttpServer(ThreadingHTTPServer):
    """`requests`: (method, session id, JSON-RPC method) of each request. `lost`: how many sessions have been forgotten."""

    daemon_threads = True

    def __init__(self, manner: str):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.manner = manner
        self.requests: list[tuple[str, str, str]] = []
        self.session = 0
        self.calls = 0
        self.is_changed = threading.Event()
        self.is_over = threading.Event()

    @property
    def url(self) -> str:
        """The address of its endpoint."""
        return f"http://127.0.0.1:{self.server_address[1]}/mcp"


class _Handler(BaseHTTPRequestHandler):
    server: HttpServer
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_POST(self) -> None:
        message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        server, manner, session = self.server, self.server.manner, self.headers.get("Mcp-Session-Id", "")
        method = message.get("method", "")
        server.requests.append(("POST", session, method))
        accepted = self.headers.get("Accept", "")
        if "application/json" not in accepted or "text/event-stream" not in accepted:
            self._plain(406, b"Not Acceptable")
        elif manner == "login":
            self._plain(401, b'{"error": "invalid_token"}')
        elif manner == "down":
            self._plain(503, b'{"error": {"message": "maintenance"}}')
        elif manner == "page":
            self._plain(200, b"<html>a page</html>", "text/html")
        elif manner == "redirect" and not self.path.endswith("/"):
            self._plain(307, b"", location=f"{self.path}/")
        elif manner == "redirect-away":
            self._plain(307, b"", location="http://127.0.0.2:1/mcp")
        elif method == "initialize":
            server.session += 1
            self._answer(message, {"protocolVersion": "2025-06-18", "capabilities": {"tools": {"listChanged": True}}, "serverInfo": {}})
        elif self._is_lost(session):
            if manner == "lost-400":
                self._plain(
                    400, b'{"jsonrpc":"2.0","error":{"code":-32000,"message":"Bad Request: No valid session ID provided"},"id":null}'
                )
            else:
                self._plain(404, b"Session not found")
        elif method == "tools/list":
            self._answer(message, {"tools": [*TOOLS, *([{"name": "new"}] if server.is_changed.is_set() else [])]})
        elif method == "tools/call":
            server.calls += 1
            self._call(message)
        elif "id" in message:
            self._send_json({"jsonrpc": "2.0", "id": message["id"], "error": {"code": -32601, "message": "no"}})
        else:
            self._plain(202, b"")

    def do_GET(self) -> None:
        server, last = self.server, self.headers.get("Last-Event-ID", "")
        server.requests.append(("GET", self.headers.get("Mcp-Session-Id", ""), last))
        if server.manner == "breaks" and last:
            self._begin_stream()
            self._event({"jsonrpc": "2.0", "id": int(last), "result": {"content": [{"type": "text", "text": "resumed"}]}})
        elif server.manner == "notifies":
            self._begin_stream()
            server.is_changed.wait(20)
            self._event({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"})
            server.is_over.wait(20)
        else:
            self._plain(405, b"")

    def do_DELETE(self) -> None:
        self.server.requests.append(("DELETE", self.headers.get("Mcp-Session-Id", ""), ""))
        self._plain(200, b"")

    def _is_lost(self, session: str) -> bool:
        server = self.server
        if not server.manner.startswith("lost") or session != f"session-{server.session}":
            return session != f"session-{server.session}" and server.manner != "stateless"
        # Every session is forgotten after its second request with it, once.
        return server.session == 1 and server.calls == 1

    def _call(self, message: dict[str, Any]) -> None:
        manner = self.server.manner
        if manner == "breaks":
            self._begin_stream()
            self.wfile.write(f"retry: 50\nid: {message['id']}\ndata:\n\n".encode())
            return
        if manner == "cut":
            self._begin_stream()
            self._event({"jsonrpc": "2.0", "method": "notifications/message", "params": {}})
            return
        if manner == "progress":
            self._begin_stream()
            token = message["params"]["_meta"]["progressToken"]
            for share in (1, 2):
                self._event(
                    {
                        "jsonrpc": "2.0",
                        "method": "notifications/progress",
                        "params": {"progressToken": token, "progress": share, "total": 2},
                    }
                )
            self._event({"jsonrpc": "2.0", "id": message["id"], "result": {"content": [{"type": "text", "text": "said"}]}})
            return
        self._answer(message, {"content": [{"type": "text", "text": "said"}]})

    def _answer(self, message: dict[str, Any], result: dict[str, Any]) -> None:
        answer = {"jsonrpc": "2.0", "id": message["id"], "result": result}
        match self.server.manner:
            case "stream" | "breaks" | "cut" | "progress" | "notifies":
                self._begin_stream()
                self._event(answer)
            case "odd-stream":
                # Carriage returns, comments, several data lines, and pieces of three bytes.
                self._begin_stream()
                text = json.dumps(answer, indent=1)
                lines = "".join(f"data: {line}\r\n" for line in text.split("\n"))
                whole = f"\ufeff: a comment\r\n\r\nevent: message\r\nid: 1\r\n{lines}\r\n".encode()
                for at in range(0, len(whole), 3):
                    self.wfile.write(whole[at : at + 3])
                    self.wfile.flush()
            case _:
                self._send_json(answer)

    def _send_json(self, content: Any) -> None:
        self._plain(200, json.dumps(content).encode(), "application/json")

    def _plain(self, status: int, body: bytes, kind: str = "text/plain", location: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if location:
            self.send_header("Location", location)
        self._send_session()
        self.end_headers()
        self.wfile.write(body)

    def _begin_stream(self) -> None:
        self.close_connection = True
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self._send_session()
        self.end_headers()

    def _send_session(self) -> None:
        if self.server.session and self.server.manner != "stateless":
            self.send_header("Mcp-Session-Id", f"session-{self.server.session}")

    def _event(self, message: dict[str, Any]) -> None:
        self.wfile.write(f"event: message\ndata: {json.dumps(message)}\n\n".encode())
        self.wfile.flush()


@contextmanager
def http_server(manner: str) -> Iterator[HttpServer]:
    """A running server."""
    server = HttpServer(manner)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.is_changed.set()
        server.is_over.set()
        server.shutdown()
        thread.join()
        server.server_close()
