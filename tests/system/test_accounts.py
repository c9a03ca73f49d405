"""Keys by command line and API: used by the next request, carried to another home, never shown."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.byte_server import STREAM, ByteServer, Piece, Request, finish, say
from support.daemon import Daemon

pytestmark = pytest.mark.system

heard: list[bytes] = []


def reply(request: Request) -> list[Piece]:
    if b"/chat/completions" in request.head:
        heard.append(next((line for line in request.head.split(b"\r\n") if line.lower().startswith(b"authorization:")), b""))
    return [STREAM, say("fine"), finish()]


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with (
        ByteServer(reply) as model,
        Daemon(tmp_path_factory.mktemp("accounts"), model_url=model.url, config="vault-file = true\n") as running,
    ):
        yield running


def ask(daemon: Daemon, sid: str) -> bytes:
    heard.clear()
    assert daemon.follow(sid, daemon.submit(sid, "hello"))[-1]["event"] == "turn.done"
    return heard[-1]


def test_a_key_is_used_from_the_next_request_on_in_the_same_session(daemon: Daemon) -> None:
    sid = daemon.session(mode="do")
    assert ask(daemon, sid) == b""
    assert daemon.opta("account", "add", "scripted", stdin="key-one-0123456789\n").returncode == 0
    assert ask(daemon, sid).endswith(b"Bearer key-one-0123456789")
    rotated = daemon.opta("account", "rotate", "scripted", stdin="key-two-0123456789\n")
    assert (rotated.returncode, "key-two" in rotated.stdout + rotated.stderr) == (0, False)
    assert ask(daemon, sid).endswith(b"Bearer key-two-0123456789")
    daemon.client.ask("PUT", "/v3/accounts/scripted", {"key": "key-three-0123456789"})
    assert ask(daemon, sid).endswith(b"Bearer key-three-0123456789")
    (account,) = daemon.client.get("/v3/accounts")["accounts"]
    assert (account["name"], account["shown"], account["kept"]) == ("scripted", "••••6789", "file")
    listed = daemon.opta("account", "list").stdout
    assert "••••6789" in listed
    assert "key-three" not in listed
    assert daemon.opta("account", "add", "scripted", stdin="again-0123456789\n").returncode == 2
    daemon.client.ask("DELETE", "/v3/accounts/scripted")
    assert ask(daemon, sid) == b""


def test_keys_are_carried_to_another_home_locked_with_a_passphrase(daemon: Daemon, tmp_path: Path) -> None:
    assert daemon.opta("account", "add", "scripted", stdin="canary-0123456789\n").returncode == 0
    file = tmp_path / "keys"
    assert daemon.opta("account", "export", str(file), stdin="short\n").returncode == 2
    assert daemon.opta("account", "export", str(file), stdin="a long passphrase\n").returncode == 0
    assert (file.stat().st_mode & 0o777, b"canary" in file.read_bytes()) == (0o600, False)
    assert daemon.opta("account", "export", str(file), stdin="a long passphrase\n").returncode == 2
    other = Daemon(tmp_path / "other", config="vault-file = true\n")
    assert other.opta("account", "import", str(file), stdin="wrong passphrase\n").returncode == 2
    assert "imported scripted" in other.opta("account", "import", str(file), stdin="a long passphrase\n").stdout
    assert "••••6789" in other.opta("account", "list").stdout
