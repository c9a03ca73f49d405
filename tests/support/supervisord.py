"""A supervisord that only answers, and records the calls it received."""

import contextlib
import socketserver
import threading
import xmlrpc.client
from collections.abc import Generator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from opta_core.process.supervisor_wakeup import SOCKET


@contextlib.contextmanager
def supervisord(run: Path) -> Generator[list[tuple[Any, ...]]]:
    """Listens in a run directory; the calls that changed something, as (method, argument, ...)."""
    calls: list[tuple[Any, ...]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            arguments, method = xmlrpc.client.loads(self.rfile.read(int(self.headers["Content-Length"])))
            name = str(method).rpartition(".")[2]
            if name in ("startProcess", "stopProcess", "signalProcess"):
                calls.append((name, *arguments))
            answers: dict[str, Any] = {
                "getProcessInfo": {"statename": "RUNNING"},
                "getState": {"statecode": 1},
                "getAllProcessInfo": [{"name": "gateway", "statename": "RUNNING", "pid": 7, "now": 20, "start": 10}],
            }
            content = xmlrpc.client.dumps((answers.get(name, True),), methodresponse=True).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/xml")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def address_string(self) -> str:
            return "unix"

        def log_message(self, format: str, *arguments: Any) -> None:
            return

    class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
        daemon_threads = True

    with Server(str(run / SOCKET), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield calls
        finally:
            server.shutdown()
            thread.join()
            (run / SOCKET).unlink()
