"""Rows A47-A52: approved commands that try to get out. Each of these really runs."""

import asyncio
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.contained import PYTHON, Place
from support.oracles import until_async

from opta_core.net.proxy import Proxy, Refusal, is_public, target


@pytest.fixture
def repository(place: Place) -> Place:
    subprocess.run(["git", "init", "-q", str(place.work)], check=True)
    return place


def python(code: str) -> str:
    return f"{PYTHON} -S -c '{code}'"


def tree(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@pytest.mark.attack("A47")
def test_nothing_outside_the_workspace_can_be_written(place: Place, tmp_path: Path) -> None:
    before = tree(place.home)
    place.run(
        f"touch $HOME/x {tmp_path}/x ../x /etc/x /usr/x; echo y >> $HOME/.netrc; rm -rf $HOME/.ssh; mkdir /root/x; echo z > /tmp/opta-x"
    )
    assert tree(place.home) == before
    outside = (tmp_path / "x", Path("/etc/x"), Path("/usr/x"), Path("/root/x"), Path("/tmp/opta-x"))
    assert not [path for path in outside if os.path.lexists(path)]


@pytest.mark.attack("A47")
@pytest.mark.parametrize("cwd", ["/", "/etc", "..", "out", "out/deeper", "~"])
def test_a_folder_outside_the_workspace_is_no_place_to_run(place: Place, cwd: str) -> None:
    (place.work / "out").symlink_to("/etc")
    outcome = place.run("pwd", cwd=cwd)
    assert (outcome.ok, outcome.code) == (False, "path")


@pytest.mark.attack("A48")
@pytest.mark.parametrize("exists", [True, False])
def test_control_files_stay_as_they_are_and_a_commit_works(repository: Place, exists: bool) -> None:
    work = repository.work
    if exists:
        (work / ".opta").mkdir()
        (work / ".opta/policy.yaml").write_text("version: 1\n")
        (work / ".vscode").mkdir()
        (work / ".mcp.json").write_text("{}")
    before = {name: content for name, content in tree(work).items() if not name.startswith(".git/o")}
    for attempt in (
        "mkdir -p .opta; echo evil > .opta/policy.yaml",
        "rm -rf .opta; ln -s /tmp .opta",
        "echo evil > .git/hooks/post-commit; chmod +x .git/hooks/post-commit",
        "git config core.fsmonitor ./evil",
        "echo '[core]' >> .git/config",
        "mv .git old; mkdir -p .git/hooks; echo evil > .git/hooks/pre-commit",
        "mv .git/hooks .git/h2",
        "rm -rf .git/hooks",
        "echo evil > .mcp.json",
        "mkdir -p .vscode; echo evil > .vscode/tasks.json",
        "echo ../evil > .git/commondir",
        "echo evil > .envrc; echo evil > .gitmodules",
    ):
        repository.run(attempt)
        now = {name: content for name, content in tree(work).items() if not name.startswith(".git/o")}
        assert now == before, attempt
    outcome = repository.run(
        "echo hi > f && git add -A && git -c user.name=a -c user.email=b@c commit -qm ordinary && git log --oneline && git status --short"
    )
    assert outcome.ok, outcome.content
    assert "ordinary" in outcome.content
    assert set(os.listdir(work)) == {".git", "f", *([".opta", ".vscode", ".mcp.json"] if exists else [])}


@pytest.mark.attack("A48")
@pytest.mark.parametrize("folder", [".", "deep/below"])
def test_a_new_repository_stays_without_hooks_and_programs(place: Place, folder: str) -> None:
    (place.work / folder).mkdir(parents=True, exist_ok=True)
    outcome = place.run(
        f"cd {folder} && git init -q && echo evil > .git/hooks/pre-commit && chmod +x .git/hooks/pre-commit && echo evil > .git/config.worktree"
        " && git config core.fsmonitor ./evil && git config user.email a@b && git config include.path evil && git remote add x ext::evil"
        " && git remote add y https://host.example/r && mkdir -p .git/modules/m && echo '[alias] x = !evil' > .git/modules/m/config"
    )
    assert outcome.ok, outcome.content
    assert "evil" not in str({name: content for name, content in tree(place.work).items() if not name.endswith(".sample")})
    shown = subprocess.run(["git", "-C", str(place.work / folder), "config", "--list"], capture_output=True, text=True, check=True).stdout
    assert "user.email=a@b" in shown
    assert "remote.y.url=https://host.example/r" in shown
    assert "put aside" in outcome.content
    assert place.run(f"cd {folder} && git config core.fsmonitor evil; echo evil > .git/hooks/pre-commit").ok is False
    assert "evil" not in str({name: content for name, content in tree(place.work).items() if not name.endswith(".sample")})


@pytest.mark.attack("A48")
def test_what_git_would_make_of_an_unfinished_folder_is_not_hostile(place: Place) -> None:
    place.run("mkdir -p .git/hooks; echo evil > .git/config; git init; echo '[core]' > .git/config; ls")
    assert "evil" not in str(tree(place.work))


@pytest.mark.attack("A48")
def test_of_two_commands_at_once_each_is_held(place: Place) -> None:
    subprocess.run(["git", "init", "-q", str(place.work)], check=True)

    async def story() -> None:
        slow = asyncio.create_task(place.command("touch begun; sleep 1; echo evil > .mcp.json; echo evil > .git/commondir; rm begun"))
        assert await until_async((place.work / "begun").exists)
        await place.command("echo evil > .git/commondir; mkdir .vscode", session="another")
        await slow

    place.wait(story())
    assert os.listdir(place.work) == [".git"]
    assert not (place.work / ".git/commondir").exists()


@pytest.mark.attack("A48")
def test_what_a_control_file_leads_to_is_protected_too(place: Place) -> None:
    (place.work / "elsewhere").mkdir()
    (place.work / "elsewhere/policy.yaml").write_text("version: 1\n")
    (place.work / ".opta").symlink_to("elsewhere")
    place.run("echo evil > elsewhere/policy.yaml; mv elsewhere other; rm .opta; ln -s /tmp .opta")
    assert (place.work / "elsewhere/policy.yaml").read_text() == "version: 1\n"
    assert os.readlink(place.work / ".opta") == "elsewhere"


@pytest.fixture
def listener() -> Iterator[tuple[socket.socket, socket.socket]]:
    tcp, udp = socket.socket(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    tcp.bind(("127.0.0.1", 0))
    tcp.listen()
    tcp.settimeout(0.2)
    udp.bind(("127.0.0.1", tcp.getsockname()[1]))
    udp.settimeout(0.2)
    yield tcp, udp
    tcp.close()
    udp.close()


@pytest.mark.attack("A49")
def test_without_a_network_nothing_is_reached(place: Place, listener: tuple[socket.socket, socket.socket]) -> None:
    tcp, udp = listener
    port = tcp.getsockname()[1]
    for attempt in (
        python(f'import socket; socket.create_connection(("127.0.0.1", {port}), 2)'),
        f"exec 3<>/dev/tcp/127.0.0.1/{port}",
        python('import socket; socket.getaddrinfo("example.test", 80)'),
        python("import socket; socket.socket(socket.AF_PACKET, socket.SOCK_RAW)"),
        python('import socket; socket.create_connection(("10.0.0.1", 80), 2)'),
        python('import socket; socket.create_connection(("::1", 80), 2)'),
    ):
        assert not place.run(attempt).ok, attempt
    place.run(python(f'import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", {port}))'))
    for receives in (tcp.accept, lambda: udp.recv(10)):
        with pytest.raises(TimeoutError):
            receives()


@pytest.mark.attack("A50")
def test_sockets_of_the_machine_are_not_there(place: Place, tmp_path: Path) -> None:
    paths = [tmp_path / "agent.sock", place.daemon_home / "bus.sock", place.work / "inside.sock"]
    held = []
    for path in [*map(str, paths), f"\0opta-test-{os.getpid()}"]:
        server = socket.socket(socket.AF_UNIX)
        server.bind(path)
        server.listen()
        held.append(server)
        shown = path.replace("\0", "\\\\0")
        outcome = place.run(python(f'import socket; s = socket.socket(socket.AF_UNIX); s.connect("{shown}")'))
        assert not outcome.ok, path
    assert place.run(python('import socket; a, b = socket.socketpair(); a.send(b"x"); print(b.recv(1))')).ok
    for server in held:
        server.close()


@pytest.mark.attack("A51")
def test_secrets_are_neither_in_files_nor_in_the_environment(place: Place) -> None:
    outcome = place.run(
        "env; cat ~/.ssh/id ~/.netrc; find / -xdev -name token -path '*opta*' 2>/dev/null | head; cat ~/.config/opta/daemon/token; grep -rs CANARY ~ /proc/*/environ"
    )
    assert "CANARY" not in outcome.content
    names = {line.partition("=")[0] for line in place.run("env").content.splitlines()}
    assert "SSH_AUTH_SOCK" not in names
    assert {"PATH", "HOME"} <= names


@pytest.mark.attack("A51")
def test_a_command_sees_no_process_outside_its_session(place: Place) -> None:
    assert int(place.run("ls /proc | grep -c '^[0-9]'").content) <= 5
    assert not place.run(f"kill -0 {os.getpid()}").ok


@pytest.mark.parametrize(
    "attempt",
    ["unshare -U true", "unshare -m true", "mount -t tmpfs x /mnt", "chroot / true", "nsenter -t 1 -m true", "mknod d c 1 3", python("import ctypes, os, sys; sys.exit(0 if ctypes.CDLL(None).ptrace(16, os.getppid(), 0, 0) == 0 else 1)")],
)  # fmt: skip
def test_the_escape_matrix_is_closed(place: Place, attempt: str) -> None:
    assert not place.run(attempt).ok


@pytest.mark.attack("A52")
@pytest.mark.parametrize(
    ("host", "port", "address"),
    [
        ("example.test.evil", 443, "93.184.216.34"), ("evilexample.test", 443, "93.184.216.34"), ("93.184.216.34", 443, "93.184.216.34"), ("example.test", 443, "127.0.0.1"),
        ("example.test", 443, "169.254.169.254"), ("example.test", 443, "10.1.2.3"), ("example.test", 443, "::ffff:127.0.0.1"), ("example.test", 443, "fd00::1"), ("example.test", 22, "93.184.216.34"),
        ("127.0.0.1", 80, "127.0.0.1"), ("[::1]", 80, "::1"), ("0x7f000001", 80, "127.0.0.1"),
    ],
)  # fmt: skip
def test_the_proxy_passes_exact_names_at_public_addresses_only(host: str, port: int, address: str) -> None:
    async def resolve(name: str, port: int) -> list[str]:
        return [address]

    with pytest.raises(Refusal):
        asyncio.run(Proxy(("example.test",), resolve).address(host, port))


@pytest.mark.attack("A52")
def test_the_exact_name_passes_however_it_is_written() -> None:
    async def resolve(name: str, port: int) -> list[str]:
        assert name == "example.test"
        return ["127.0.0.1", "93.184.216.34"]

    for name in ("example.test", "EXAMPLE.TEST."):
        assert asyncio.run(Proxy(("example.test",), resolve).address(name, 443)) == "93.184.216.34"
    assert not any(map(is_public, ("169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1", "2002:7f00:1::", "x")))
    for head in (b"GET / HTTP/1.1\r\n\r\n", b"CONNECT a@b:443 HTTP/1.1\r\n\r\n", b"CONNECT a:x HTTP/1.1\r\n\r\n", b"x\r\n\r\n"):
        with pytest.raises(Refusal):
            target(head)


@pytest.mark.attack("A52")
def test_with_an_allow_list_the_proxy_is_the_only_exit(
    tmp_path: Path, listener: tuple[socket.socket, socket.socket], request: pytest.FixtureRequest
) -> None:
    place = Place(tmp_path, allowed=("example.test",))
    request.addfinalizer(place.close)
    port = listener[0].getsockname()[1]
    bypass = f"curl -sS -m 5 -x '' http://127.0.0.1:{port}/"
    said = place.run(f"curl -sS -m 5 http://other.test/; curl -sS -m 5 --noproxy '' http://127.0.0.1/; {bypass}", network="list")
    assert "other.test is not in sandbox.allow-hosts" in said.content
    assert "127.0.0.1 is not in sandbox.allow-hosts" in said.content
    with pytest.raises(TimeoutError):
        listener[0].accept()
