"""The process that listens on LMX's port proves its identity before it is sent a key, a prompt or anything else."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from support.limits import limit_s
from support.store import settle

from opta_core.errors import Unavailable
from opta_core.lmx_settings import LmxSettings
from opta_core.net.http_client import HttpClient, HttpProblem, UnverifiedServer
from opta_core.net.lmx_endpoint import Endpoint, ask, client_of, endpoint_of, key_of, prove
from opta_core.paths import Paths
from opta_core.secrets.vault import Secret, Vault
from opta_core.settings import Settings
from opta_protocol.lmx import LmxModels

KEY = "lmx-canary-of-this-home"
Answer = Callable[[str, int], bytes]
Wait = Callable[[str], Awaitable[object]]


def body(content: object, status: str = "200 OK") -> bytes:
    text = json.dumps(content, separators=(",", ":")).encode()
    return b"HTTP/1.1 %b\r\nContent-Length: %d\r\n\r\n%b" % (status.encode(), len(text), text)


def honest(path: str, port: int) -> bytes:
    if path.startswith("/proof"):
        return body({"proof": prove(KEY, path.partition("n=")[2], port)})
    return body({"models": []})


def run(
    tmp_path: Path, answer: Answer, story: Callable[[HttpClient, list[bytes]], Awaitable[None]], wait: Wait | None = None
) -> list[bytes]:
    """Everything that a listener heard while `story` ran. It answers a path after `wait`."""
    heard: list[bytes] = []

    async def main() -> None:
        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                while True:
                    head = await reader.readuntil(b"\r\n\r\n")
                    heard.append(head)
                    length = next(
                        (int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")), 0
                    )
                    heard.append(await reader.readexactly(length))
                    path = head.split(b" ")[1].decode()
                    if wait is not None:
                        await wait(path)
                    writer.write(answer(path, writer.get_extra_info("sockname")[1]))
            except (ConnectionError, asyncio.IncompleteReadError):
                pass
            finally:
                writer.close()

        server = await asyncio.start_server(accept, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        file = tmp_path / "admin.key"
        client = client_of(Endpoint(root=f"http://127.0.0.1:{port}", key_file=str(file)), Secret(KEY))
        async with asyncio.timeout(limit_s(20)):
            await story(client, heard)
        client.close()
        server.close()
        await settle()

    (tmp_path / "admin.key").write_text(KEY)
    asyncio.run(main())
    return heard


LIES: dict[str, Answer] = {
    "nothing of it": lambda path, port: body({"models": []}),
    "an empty proof": lambda path, port: body({"proof": ""}),
    "no text": lambda path, port: body({"proof": 1}),
    "a repeated question": lambda path, port: body({"proof": path.partition("n=")[2]}),
    "a proof of another key": lambda path, port: body({"proof": prove("lmx-other", path.partition("n=")[2], port)}),
    "a proof for another port": lambda path, port: body({"proof": prove(KEY, path.partition("n=")[2], port + 1)}),
    "a proof of another nonce": lambda path, port: body({"proof": prove(KEY, "0" * 32, port)}),
    "a refusal with the right proof": lambda path, port: honest(path, port).replace(b"200 OK", b"404 Not"),
    "a redirect": lambda path, port: b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
    "no HTTP": lambda path, port: b"220 hello\r\n\r\n",
    "a closed connection": lambda path, port: honest(path, port).replace(b"Content-Length", b"Connection: close\r\nContent-Length"),
    "more than a proof": lambda path, port: body({"proof": prove(KEY, path.partition("n=")[2], port), "x": "y" * 100_000}),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_listener_that_proves_nothing_is_sent_nothing(lie: str, tmp_path: Path) -> None:
    async def story(client: HttpClient, heard: list[bytes]) -> None:
        for _ in range(3):
            with pytest.raises(HttpProblem):
                await client.send("POST", "/v1/chat/completions", b"a prompt")
        with pytest.raises(Unavailable):
            await ask(client, "GET", "/admin/models", None, LmxModels, 5)

    heard = b"".join(run(tmp_path, LIES[lie], story))
    assert (b"canary" in heard, b"prompt" in heard, b"uthorization" in heard, heard.count(b"GET /proof?n=")) == (False, False, False, 4)


def test_the_message_says_who_answers_and_how_to_fix_it(tmp_path: Path) -> None:
    async def story(client: HttpClient, heard: list[bytes]) -> None:
        with pytest.raises(UnverifiedServer, match="Another program answers at LMX's address 127"):
            await client.get("/v1/models", 5)
        with pytest.raises(Unavailable, match="was sent nothing"):
            await ask(client, "GET", "/admin/models", None, LmxModels, 5)

    run(tmp_path, LIES["nothing of it"], story)


def test_lmx_of_this_home_is_asked_once_a_connection_and_then_trusted(tmp_path: Path) -> None:
    async def story(client: HttpClient, heard: list[bytes]) -> None:
        for _ in range(3):
            assert await ask(client, "GET", "/admin/models", None, LmxModels, 5) == LmxModels(models=[])
        client.close()
        assert await ask(client, "GET", "/admin/models", None, LmxModels, 5) == LmxModels(models=[])

    heard = [line.split(b" ")[1].split(b"?")[0] for line in run(tmp_path, honest, story) if line]
    assert heard == [b"/proof", *[b"/admin/models"] * 3, b"/proof", b"/admin/models"]


def test_a_connection_that_is_proved_while_enough_others_are_idle_is_used(tmp_path: Path) -> None:
    proofs: list[str] = []
    eight_are_idle = asyncio.Event()

    async def wait(path: str) -> None:
        if path.startswith("/proof"):
            proofs.append(path)
            if len(proofs) == 9:
                await eight_are_idle.wait()

    async def story(client: HttpClient, heard: list[bytes]) -> None:
        asked = [asyncio.ensure_future(client.get("/v1/models", 10)) for _ in range(9)]
        while sum(each.done() for each in asked) < 8:
            await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED, timeout=0.05)
        eight_are_idle.set()
        assert [status for status, _ in await asyncio.gather(*asked)] == [200] * 9

    run(tmp_path, honest, story, wait)
    assert len(proofs) == 9


def test_every_connection_asks_another_question(tmp_path: Path) -> None:
    asked: list[str] = []

    def replaying(path: str, port: int) -> bytes:
        asked.append(path)
        return honest(asked[0] if path.startswith("/proof") else path, port)

    async def story(client: HttpClient, heard: list[bytes]) -> None:
        await client.get("/v1/models", 5)
        client.close()
        with pytest.raises(UnverifiedServer):
            await client.get("/v1/models", 5)

    run(tmp_path, replaying, story)


def test_before_lmx_made_its_key_nothing_is_sent(tmp_path: Path) -> None:
    async def story(client: HttpClient, heard: list[bytes]) -> None:
        (tmp_path / "admin.key").unlink()
        with pytest.raises(HttpProblem, match="has not started"):
            await client.get("/v1/models", 5)

    assert run(tmp_path, honest, story) == []


def test_a_plain_host_gets_no_key(tmp_path: Path) -> None:
    class Keychain:
        def get_password(self, service: str, name: str) -> str:
            return KEY

    settings = Settings(lmx=LmxSettings(host="studio:1234"))
    endpoint = endpoint_of(settings, Paths(tmp_path))
    vault = Vault(Paths(tmp_path), backend=Keychain())  # type: ignore[arg-type]
    assert (endpoint.root, key_of(endpoint, vault)) == ("http://studio:1234", None)
    pin = Paths(tmp_path).lmx / "hosts/studio_1234.pem"
    pin.parent.mkdir(parents=True)
    pin.write_text("-")
    paired = endpoint_of(settings, Paths(tmp_path))
    assert paired.root == "https://studio:1234"
