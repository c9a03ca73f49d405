"""Row A64: supervisord listens on no network, its files are the owner's, and its socket takes its own methods only.

That another user cannot reach the socket stands with the other sockets, in `test_bus`.
"""

import contextlib
import os
import xmlrpc.client
from pathlib import Path
from typing import Any

import pytest
from support.daemon import Daemon
from support.gateway_requests import page_origin
from support.oracles import log_files, untouched
from support.raw_http import exchange, head

from opta_core.process.supervision import SOCKET, UnixTransport

pytestmark = [pytest.mark.system, pytest.mark.usefixtures("lives_on")]


def _call(daemon: Daemon, method: str, *arguments: Any) -> Any:
    """Call any method of supervisord over its socket."""
    with contextlib.closing(UnixTransport(daemon.loaded.paths.run / SOCKET, timeout_s=10)) as transport:
        return getattr(xmlrpc.client.ServerProxy("http://localhost/RPC2", transport), method)(*arguments)


@pytest.mark.attack("A64")
def test_supervisord_listens_on_no_network_and_its_files_are_the_owners(daemon: Daemon) -> None:
    listening: dict[str, tuple[str, str]] = {}
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for fields in (line.split() for line in Path(table).read_text().splitlines()[1:]):
            if fields[3] == "0A":
                address, _, port = fields[1].partition(":")
                listening[f"socket:[{fields[9]}]"] = (address, str(int(port, 16)))
    supervisor = daemon.supervisor().pid()
    found: set[tuple[str, str]] = set()
    for pid in (supervisor, *daemon.pids().values()):
        opened = {os.readlink(link) for link in Path(f"/proc/{pid}/fd").iterdir() if link.is_symlink()}
        held = {listening[name] for name in opened & listening.keys()}
        assert pid != supervisor or not held
        found |= held
    assert found == {("0100007F", str(daemon.port)), ("0100007F", page_origin(daemon).rpartition(":")[2])}
    files = [*daemon.loaded.paths.run.iterdir(), *log_files(daemon)]
    assert {"supervisord.pid", "supervisord.conf", "supervisord.log"} <= {file.name for file in files}
    assert [file.name for file in files if file.stat().st_mode & 0o077 and not file.is_socket()] == []


@pytest.mark.attack("A64")
def test_no_call_over_the_socket_reaches_more_than_the_methods_of_the_supervisor(daemon: Daemon, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    with untouched(daemon):
        for path in (
            "supervisord.options.warnings.linecache.os.system",
            "supervisord.options.execve",
            "supervisord.__class__",
            "supervisord.options.make_pipes",
        ):
            for method in (path, f"supervisor.{path}"):
                with pytest.raises(xmlrpc.client.Fault, match="UNKNOWN_METHOD"):
                    _call(daemon, method, f"touch {mark}")
        call = {"methodName": "supervisor.supervisord.options.warnings.linecache.os.system", "params": [f"touch {mark}"]}
        batch = _call(daemon, "system.multicall", [call])
        assert batch[0]["faultString"] == "UNKNOWN_METHOD"
    assert not mark.exists()
    assert daemon.supervisor().is_up()


@pytest.mark.attack("A64")
def test_a_page_cannot_call_supervisord_through_a_port_of_ours(daemon: Daemon) -> None:
    call = b"<?xml version='1.0'?><methodCall><methodName>supervisor.shutdown</methodName></methodCall>"
    with untouched(daemon):
        for port in (daemon.port, int(page_origin(daemon).rpartition(":")[2])):
            for host, origin in (
                ("evil.example", "http://evil.example"),
                (f"127.0.0.1:{port}", "http://evil.example"),
                (f"127.0.0.1:{port}", "null"),
            ):
                given = [("Host", host), ("Origin", origin), ("Content-Type", "text/plain"), ("Content-Length", str(len(call)))]
                answer = exchange(port, head("POST", "/RPC2", given) + call)
                assert answer.status in (401, 403, 404, 405)
                assert b"methodResponse" not in answer.body
