"""Another program has taken LMX's port: it hears a question, and nothing of this home."""

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest
from support.daemon import Daemon

from opta_core.errors import OptaError

pytestmark = pytest.mark.system
KEY = "lmx-canary-of-this-home"


class Listener(http.server.BaseHTTPRequestHandler):
    """Answers everything as a model server would, and remembers it."""

    protocol_version = "HTTP/1.1"
    heard: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        """Any request."""
        size = int(self.headers.get("content-length") or 0)
        type(self).heard.append(f"{self.requestline}\n{self.headers}\n{self.rfile.read(size)!r}")
        content = b'{"object":"list","data":[{"id":"probe"}],"models":[],"proof":"x"}'
        self.send_response(200)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_POST = do_GET

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    Listener.heard.clear()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Listener) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        running = Daemon(tmp_path, only="gateway,agent,tools,sessions")
        running.environment["OPTA_LMX_PORT"] = str(server.server_address[1])
        (running.home / "lmx").mkdir(mode=0o700)
        (running.home / "lmx/admin.key").write_text(KEY)
        with running:
            yield running
        server.shutdown()


@pytest.mark.attack("A44")
def test_who_took_the_port_of_lmx_learns_nothing(daemon: Daemon) -> None:
    with pytest.raises(OptaError, match="did not prove"):
        daemon.client.ask("GET", "/v3/lmx/models", retry=False)
    status = daemon.opta("lmx", "status")
    assert status.returncode != 0
    assert "Another program answers at LMX's address" in status.stderr
    assert "Traceback" not in status.stderr
    reasons = [provider["reason"] for provider in daemon.client.get("/v3/providers")["providers"] if provider["name"] == "lmx"]
    assert "did not prove" in reasons[0]
    sid = daemon.session(mode="do")
    events = daemon.follow(sid, daemon.submit(sid, "a secret prompt"))
    assert "turn.error" in str(events)
    daemon.opta("models", "list")
    assert Listener.heard
    assert all(heard.startswith("GET /proof?n=") for heard in Listener.heard)
    assert not any("canary" in heard or "secret prompt" in heard or "uthorization" in heard for heard in Listener.heard)
