"""Rows A60, A61: the bus listens to this user's processes alone, and drops what it cannot read."""

import ast
import asyncio
import contextlib
import os
import pickle
import random
import socket
import stat
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable, Generator
from pathlib import Path

import pytest
import zmq
from support.daemon import Daemon
from support.gateway_requests import is_closed
from support.limits import limit_s
from support.oracles import alive, log_files, until, until_async, untouched

from opta_core.bus.bus import Frames
from opta_core.bus.zmq_bus import ZmqBus

pytestmark = [pytest.mark.system, pytest.mark.usefixtures("lives_on")]

ROOT = Path(__file__).parents[2]
ROUTERS = {"store.in": "sessions", "store.q": "sessions", "store.cmd": "sessions", "tools.rpc": "tools"}
# Root takes a stranger's rights and says what each socket answers to a greeting of ZMTP.
STRANGER = """
import os, socket, sys
os.chdir(sys.argv[1])
os.setgroups([]); os.setgid(65534); os.setuid(65534)
for name in sys.argv[2:]:
    with socket.socket(socket.AF_UNIX) as peer:
        peer.settimeout(3)
        try:
            peer.connect(name)
            peer.sendall(b"\\xff" + bytes(8) + b"\\x7f")
            print(peer.recv(64) and "answered" or "closed")
        except OSError as error:
            print(type(error).__name__)
"""


def run_of(daemon: Daemon) -> Path:
    """The directory of the sockets."""
    return daemon.loaded.paths.run


def sockets(daemon: Daemon) -> list[str]:
    """Every socket of the home, supervisord's too."""
    return sorted(file.name for file in run_of(daemon).iterdir() if file.is_socket())


def answers_to_a_stranger(daemon: Daemon, names: list[str]) -> set[str]:
    """What another user gets from sockets; only root can find out."""
    assert os.geteuid() == 0
    done = subprocess.run(
        [sys.executable, "-c", STRANGER, str(run_of(daemon)), *names], capture_output=True, text=True, timeout=limit_s(30), check=True
    )
    assert len(done.stdout.split()) == len(names)
    return set(done.stdout.split())


def logged(daemon: Daemon, words: str) -> int:
    """How many lines of all logs hold the words."""
    return sum(file.read_text(errors="replace").count(words) for file in log_files(daemon))


def dropped(daemon: Daemon) -> int:
    """How many messages were dropped with a reason."""
    return logged(daemon, "message dropped socket=") + logged(daemon, "unreadable ")


@contextlib.contextmanager
def loosened(run: Path) -> Generator[None]:
    """The file modes fail: everybody may connect."""
    every = [run, *(file for file in run.iterdir() if file.is_socket())]
    modes = {file: stat.S_IMODE(file.stat().st_mode) for file in every}
    for file in every:
        file.chmod(0o777)
    yield
    for file, mode in modes.items():
        file.chmod(mode)


@contextlib.asynccontextmanager
async def bus_of(daemon: Daemon) -> AsyncGenerator[ZmqBus]:
    """A process of this user on the bus."""
    bus = ZmqBus(run_of(daemon))
    yield bus
    bus.close()


def say(daemon: Daemon, name: str, *messages: Frames, until_so: Callable[[], bool]) -> None:
    """Send messages to a router, and stay connected until they have had their effect."""

    async def run() -> None:
        async with bus_of(daemon) as bus:
            dealer = bus.dealer(name, lambda _: None)
            for message in messages:
                dealer.send(message)
            assert await until_async(until_so, 5)

    asyncio.run(run())


# who may speak ------------------------------------------------------------------------------------------


@pytest.mark.attack("A60", "A64")
def test_no_other_user_reaches_a_socket_even_when_the_file_modes_fail(daemon: Daemon) -> None:
    run = run_of(daemon)
    assert stat.S_IMODE(run.stat().st_mode) == 0o700
    assert {(run / name).stat().st_uid for name in sockets(daemon)} == {os.getuid()}
    assert [name for name in sockets(daemon) if (run / name).stat().st_mode & 0o077] == []
    assert {"store.in", "store.pub", "store.q", "store.cmd", "tools.rpc", "t.gateway", "supervisor.sock"} <= set(sockets(daemon))
    assert answers_to_a_stranger(daemon, sockets(daemon)) == {"PermissionError"}
    ours = [name for name in sockets(daemon) if name != "supervisor.sock"]
    with loosened(run):
        assert answers_to_a_stranger(daemon, ours) <= {"closed", "ConnectionResetError", "BrokenPipeError"}
    assert until(lambda: all(logged(daemon, f"peer refused socket={name} ") for name in ours), 5)


@pytest.mark.attack("A60")
def test_a_peer_with_another_key_is_refused(daemon: Daemon) -> None:
    server, _ = zmq.curve_keypair()
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    with untouched(daemon):
        before, refused = dropped(daemon), {name: logged(daemon, f"peer refused socket={name} ") for name in ROUTERS}
        peers = [context.socket(zmq.DEALER) for _ in ROUTERS]
        for peer, name in zip(peers, ROUTERS, strict=True):
            public, secret = zmq.curve_keypair()
            for option, key in (
                (zmq.CURVE_SERVERKEY, server),
                (zmq.CURVE_PUBLICKEY, public),
                (zmq.CURVE_SECRETKEY, secret),
                (zmq.LINGER, 0),
            ):
                peer.setsockopt(option, key)
            peer.connect(f"ipc://{run_of(daemon) / name}")
            peer.send(b"{}")
        assert until(lambda: all(logged(daemon, f"peer refused socket={name} ") > refused[name] for name in ROUTERS), 5)
        assert [peer.poll(0) for peer in peers] == [0] * len(peers)
        context.destroy(0)
        assert dropped(daemon) == before


# what may be said ---------------------------------------------------------------------------------------


JUNK = [
    pickle.dumps({"command": "Append"}),
    random.Random(7).randbytes(4096),
    b"\xdf\xff\xff\xff\xff",  # msgpack: a map of 2^32 entries
    b"\x91" * 100_000,  # msgpack: lists in lists
    b"[" * 100_000,
    b'{"command":' * 100_000,
    b"",
    b"{}",
    b"null",
    b'{"command":"Append"}',
    b'{"command":"RunTool","callId":5}',
    b'{"command":"Nothing","version":99}',
    b'{"command":"ToolsHello","version":99}',
    b'{"command":"GetSession","id":1,"sid":"x","version":99}',
]


@pytest.mark.attack("A61")
@pytest.mark.parametrize("name", ROUTERS)
def test_what_is_no_envelope_is_dropped_with_a_reason(daemon: Daemon, name: str) -> None:
    before = dropped(daemon)
    with untouched(daemon), alive(daemon, service=ROUTERS[name], rss_mib=8):
        all_dropped = before + len(JUNK) + 1
        say(daemon, name, *([content] for content in JUNK), [JUNK[0], JUNK[1]], until_so=lambda: dropped(daemon) >= all_dropped)


@contextlib.contextmanager
def raw_peer(daemon: Daemon, name: str) -> Generator[socket.socket]:
    """A dealer after its handshake, as bytes."""
    ready = b"\x05READY\x0bSocket-Type\x00\x00\x00\x06DEALER"
    with socket.socket(socket.AF_UNIX) as peer:
        peer.settimeout(limit_s(5))
        peer.connect(str(run_of(daemon) / name))
        peer.sendall(b"\xff" + bytes(8) + b"\x7f\x03\x00NULL".ljust(55, b"\0") + b"\x04" + bytes([len(ready)]) + ready)
        heard = b""
        while b"READY" not in heard:
            heard += peer.recv(4096)
        yield peer


@pytest.mark.attack("A61")
@pytest.mark.parametrize("name", ROUTERS)
def test_an_envelope_over_the_limit_is_refused_by_its_announced_length(daemon: Daemon, name: str) -> None:
    for size in (64 * 1024 * 1024 + 1, 2**32, 2**63 - 1):
        with alive(daemon, service=ROUTERS[name], rss_mib=8), raw_peer(daemon, name) as peer:
            before = dropped(daemon)
            peer.sendall(b"\x00\x01a")
            assert until(lambda: dropped(daemon) > before, 5)  # noqa: B023 (what fits arrives)
            peer.sendall(b"\x02" + size.to_bytes(8) + b"a" * 1000)
            assert is_closed(peer)


@pytest.mark.attack("A61")
def test_nothing_in_our_code_can_make_code_out_of_bytes() -> None:
    modules = {"pickle", "marshal", "shelve", "dill", "cloudpickle"}
    functions, methods = {"eval", "exec", "compile", "__import__"}, {"recv_pyobj", "send_pyobj", "import_module"}
    found: list[str] = []
    for folder in ("shared", "services", "lmx", "desktop", "cli"):
        for file in sorted((ROOT / folder).rglob("opta_*/**/*.py")):
            for node in ast.walk(ast.parse(file.read_text())):
                match node:
                    case ast.Import(names=names):
                        found += [f"{file}: {alias.name}" for alias in names if alias.name.partition(".")[0] in modules]
                    case ast.ImportFrom(module=str(module)):
                        found += [f"{file}: {module}"] * (module.partition(".")[0] in modules)
                    case ast.Call(func=ast.Name(id=name)):
                        found += [f"{file}: {name}"] * (name in functions)
                    case ast.Call(func=ast.Attribute(attr=name)):
                        found += [f"{file}: {name}"] * (name in methods)
                    case _:
                        pass
    # The command line imports what a table of its own names.
    ours = {f"{ROOT / 'cli/opta_cli' / name}: import_module" for name in ("command_tree.py", "main.py")}
    assert set(found) == ours
