"""A client that follows a session in which nothing happens, while the daemon is restarted again and again."""

import hashlib
import hmac
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from opta_cli import client as client_module
from opta_cli.client import Client
from opta_core.errors import Unavailable
from opta_core.paths import Paths
from opta_core.process import state

TOKEN = "t" * 43
RECONNECT_S = 0.4
# Each connection lives longer than half of what a client waits for a daemon that is away.
LIVES_S = 0.3
CONNECTIONS = 4


class QuietDaemon(http.server.ThreadingHTTPServer):
    """Answers `hello`, and holds each stream for a moment; the last one has a line."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.streams, self.over = 0, threading.Event()
        threading.Thread(target=self.serve_forever, daemon=True).start()


class _Handler(http.server.BaseHTTPRequestHandler):
    server: QuietDaemon

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if url.path == "/v3/hello":
            proof = hmac.new(TOKEN.encode(), parse_qs(url.query)["n"][0].encode(), hashlib.sha256).hexdigest()
            self._answer(msgspec.json.encode({"proof": proof}))
            return
        self.server.streams += 1
        self.send_response(200)
        self.end_headers()
        if self.server.streams < CONNECTIONS:
            self.server.over.wait(LIVES_S)
        else:
            self.wfile.write(b'data: {"seq":1,"event":"session.start"}\n')

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        return


@pytest.fixture
def daemon() -> Iterator[QuietDaemon]:
    made = QuietDaemon()
    yield made
    made.over.set()
    made.shutdown()
    made.server_close()


def test_absences_of_a_daemon_that_came_back_are_not_added_up(tmp_path: Path, daemon: QuietDaemon, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "RECONNECT_S", RECONNECT_S)
    paths = Paths(tmp_path)
    paths.token.parent.mkdir(parents=True, exist_ok=True)
    paths.token.write_text(TOKEN)
    state.update(paths, port=daemon.server_address[1])
    lines = Client(paths).events("abc123", 0)
    assert next(lines).startswith(b'{"seq":1,')
    assert daemon.streams == CONNECTIONS
    daemon.shutdown()
    daemon.server_close()
    with pytest.raises(Unavailable):
        next(lines)
