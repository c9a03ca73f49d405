"""What has to hold after every attack: the daemon answers and holds no more than before, and no secret is anywhere."""

import os
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from opta_core.process.process import memory_bytes
from support.limits import limit_s

from .daemon import Daemon
from .oracles import until

MEBIBYTE = 1024 * 1024
EXPORTS = ("markdown", "json", "text")


@contextmanager
def stays_alive(daemon: Daemon) -> Generator[None]:
    """O-ALIVE around an attack. A service that was killed on purpose is not measured."""
    before = {service: (pid, memory_bytes(pid), _descriptors(pid)) for service, pid in daemon.pids().items()}
    logs = {file: file.stat().st_size for file in (daemon.home / "daemon/logs").glob("*")}
    yield
    assert until(lambda: _answer_s(daemon) < limit_s(0.2), 10), "no quick answer"
    now = daemon.pids()
    assert set(now) == set(before)
    for service, (pid, memory, descriptors) in before.items():
        if now[service] == pid:
            assert memory_bytes(pid) - memory < 64 * MEBIBYTE, service
            # A session's sandbox stays, with some descriptors for each; how many there are is bounded.
            most = descriptors + (40 if service == "tools" else 5)
            assert until(lambda pid=pid, most=most: _descriptors(pid) <= most, 10), service
    news = {file.name: file.read_bytes()[size:].decode(errors="replace") for file, size in logs.items()}
    assert [name for name, text in news.items() if "Traceback" in text] == []


def places_of(daemon: Daemon, secrets: list[str], *more: str) -> list[str]:
    """O-NOSECRET: where any of the secrets is found, except in the one file that is the token's; `more` are texts at hand."""
    wanted = [secret.encode() for secret in secrets]
    said = {str(file): file.read_bytes() for file in daemon.home.rglob("*") if file.is_file() and file != daemon.loaded.paths.token}
    said |= {f"text {number}": text.encode() for number, text in enumerate(more)}
    client = daemon.client
    for session in client.get("/v3/sessions", limit=1000)["sessions"]:
        for form in EXPORTS:
            said[f"export {session['id']} {form}"] = client.raw("GET", f"/v3/sessions/{session['id']}/export?format={form}")
    for path in ("/v3/daemon", "/v3/daemon/logs?limit=5000", "/v3/health", "/v3/metrics", "/v3/models", "/v3/providers", "/v3/sessions"):
        said[path] = client.raw("GET", path)
    for arguments in (["doctor"], ["doctor", "--json"], ["config", "list", "--origin"], ["status"], ["daemon", "logs"]):
        done = daemon.opta(*arguments)
        said[" ".join(arguments)] = (done.stdout + done.stderr).encode()
    for name in os.listdir("/proc"):
        if name.isdigit() and f"OPTA_HOME={daemon.home}".encode() in _read(f"/proc/{name}/environ").split(b"\0"):
            said[f"process {name}"] = _read(f"/proc/{name}/cmdline") + _read(f"/proc/{name}/environ")
    return [place for place, content in said.items() if any(secret in content for secret in wanted)]


@contextmanager
def peak_memory_below(most: int) -> Generator[None]:
    """This process may never hold so many bytes more than now, not even for a moment."""
    Path("/proc/self/clear_refs").write_text("5")  # the kernel measures the peak anew
    before = _peak_bytes()
    yield
    assert _peak_bytes() - before < most


def _peak_bytes() -> int:
    return int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) * 1024


def _answer_s(daemon: Daemon) -> float:
    started = time.perf_counter()
    daemon.client.get("/v3/sessions")
    return time.perf_counter() - started


def _descriptors(pid: int) -> int:
    """How many files are open; without the journals, of which the store keeps the last 128 open."""
    found = 0
    for name in os.listdir(f"/proc/{pid}/fd"):
        with suppress(FileNotFoundError):
            found += not os.readlink(f"/proc/{pid}/fd/{name}").endswith(".jsonl")
    return found


def _read(file: str) -> bytes:
    try:
        return Path(file).read_bytes()
    except OSError:
        return b""  # the process has ended meanwhile
