"""What surrounds the containers: the published port, the health check, and when `./opta test` starts an engine."""

import asyncio
import contextlib
import json
import signal
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import compose_test
from containers import published
from support.limits import limit_s

CONTAINERS = Path(__file__).parent.parent.parent / "ops" / "containers"


def test_a_published_port_passes_bytes_on_and_their_end() -> None:
    async def main() -> None:
        async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write((await reader.read()).upper())
            writer.close()

        inner = await asyncio.start_server(echo, "127.0.0.1", 0)
        target = inner.sockets[0].getsockname()[1]
        for name, answer in (("localhost", b"HELLO" * 50_000), ("192.0.2.1", b"")):
            outer = await asyncio.start_server(published.PublishedPort(name, target).accept, "127.0.0.1", 0)
            reader, writer = await asyncio.open_connection("127.0.0.1", outer.sockets[0].getsockname()[1])
            with contextlib.suppress(ConnectionError):
                writer.write(b"hello" * 50_000)
                writer.write_eof()
                # Another network: the connection is closed before the service hears of it.
                assert await asyncio.wait_for(reader.read(), limit_s(5)) == answer
            writer.close()
            outer.close()
        inner.close()

    asyncio.run(main())


def test_it_ends_with_the_code_of_its_service_and_passes_signals_on() -> None:
    line = [sys.executable, "-I", str(CONTAINERS / "published.py"), "localhost", "0:NO_SUCH_VARIABLE:9", "--", sys.executable, "-c"]
    assert subprocess.run([*line, "raise SystemExit(7)"], check=False, timeout=limit_s(20)).returncode == 7
    waiting = "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(3)); print('up', flush=True); signal.pause()"
    with subprocess.Popen([*line, waiting], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(limit_s(20)) == 3
    refused = subprocess.run([*line[:4], "localhost"], capture_output=True, text=True, check=False, timeout=limit_s(20))
    assert (refused.returncode, refused.stderr) == (2, f"{published.USAGE}\n")


def test_a_health_check_says_why_a_service_is_not_ready(tmp_path: Path) -> None:
    statuses = iter((200, 503))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(next(statuses))
            self.end_headers()
            self.wfile.write(b'{"services": {"agent": "starting"}}')

        def log_message(self, format: str, *arguments: object) -> None:
            return

    def checked() -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "-I", str(CONTAINERS / "health.py"), "daemon"],
            env={"OPTA_HOME": str(tmp_path)}, capture_output=True, text=True, check=False, timeout=limit_s(20),
        )  # fmt: skip
        return done.returncode, done.stdout.strip()

    assert checked() == (
        1,
        f"daemon does not answer (FileNotFoundError: [Errno 2] No such file or directory: '{tmp_path}/daemon/state.json')",
    )
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        (tmp_path / "daemon").mkdir()
        (tmp_path / "daemon/state.json").write_text(json.dumps({"port": server.server_port}))
        assert checked() == (0, "ready")
        assert checked() == (1, '/readyz answers 503: {"services": {"agent": "starting"}}')
        server.shutdown()


def test_the_whole_suite_names_what_it_does_not_run() -> None:
    assert "./opta test --compose" in compose_test.not_run(False)
