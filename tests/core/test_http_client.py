"""The HTTP client against correct and faulty servers."""

import asyncio
import contextlib
import datetime
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from support.limits import limit_s
from support.store import settle

from opta_core.net import http_connection
from opta_core.net.http_client import HttpClient, HttpProblem
from opta_lmx.server.certificate import context_of

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def _request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = next((int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")), 0)
    return head + await reader.readexactly(length)


def run(serve: Serve, story: Callable[[HttpClient], Awaitable[None]]) -> None:
    async def main() -> None:
        tasks: set[asyncio.Task[None]] = set()

        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            tasks.add(task)
            try:
                await serve(reader, writer)
            except (ConnectionError, asyncio.IncompleteReadError):
                pass
            finally:
                writer.close()

        server = await asyncio.start_server(accept, "127.0.0.1", 0)
        client = HttpClient(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", {"Authorization": "Bearer k"})
        async with asyncio.timeout(limit_s(20)):
            await story(client)
        client.close()
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await settle()  # what was cut is closed in the next turns of the loop

    asyncio.run(main())


def answering(*pieces: bytes, pause_s: float = 0.0) -> Serve:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _request(reader)
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause_s or 0.001)

    return serve


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


async def whole(client: HttpClient) -> tuple[int, bytes]:
    answer = await client.send("POST", "/chat", b"{}")
    try:
        return answer.status, await answer.read(10_000_000)
    finally:
        answer.close()


@pytest.mark.parametrize(
    "pieces",
    [
        (CHUNKED, b"5\r\nhello\r\n", b"6\r\n world\r\n", b"0\r\n\r\n"),
        tuple(bytes([byte]) for byte in CHUNKED + b"b\r\nhello world\r\n0\r\n\r\n"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world",),
        (b"HTTP/1.0 200 OK\r\n\r\nhello ", b"world"),
        (
            b"HTTP/1.1 100 Continue\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world",
        ),
    ],
)
def test_a_body_comes_whole_however_it_is_framed(pieces: tuple[bytes, ...]) -> None:
    async def story(client: HttpClient) -> None:
        assert await whole(client) == (200, b"hello world")

    run(answering(*pieces), story)


@pytest.mark.parametrize(
    ("pieces", "reason"),
    [
        ((CHUNKED, b"5\r\nhel"), "closed"),
        ((b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello",), "closed"),
        ((b"nonsense\r\n\r\n",), "does not speak HTTP"),
        ((CHUNKED, b"zz\r\n"), "does not speak HTTP"),
        ((), "closed"),
        ((b"HTTP/1.1 200 OK\r\n" + b"X: " + b"y" * 100_000 + b"\r\n\r\n",), "does not speak HTTP|larger than 64 KiB"),
    ],
)
def test_a_broken_answer_is_a_problem_and_not_a_hang(pieces: tuple[bytes, ...], reason: str) -> None:
    async def story(client: HttpClient) -> None:
        with pytest.raises(HttpProblem, match=reason):
            await whole(client)

    run(answering(*pieces), story)


def test_a_refused_connection_and_a_lost_one_are_different_errors() -> None:
    async def story() -> None:
        with pytest.raises(HttpProblem) as caught:
            await HttpClient("http://127.0.0.1:1/v1").send("GET", "/models")
        assert not caught.value.is_connected

    asyncio.run(story())


def test_a_connection_is_kept_and_a_stale_one_is_replaced() -> None:
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        for _ in range(2):
            await _request(reader)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            await writer.drain()

    async def story(client: HttpClient) -> None:
        for _ in range(6):
            assert await whole(client) == (200, b"ok")

    run(serve, story)
    assert connections == 3


def test_a_redirect_is_an_answer_and_is_not_followed() -> None:
    async def story(client: HttpClient) -> None:
        assert (await whole(client))[0] == 302

    run(answering(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"), story)


def test_headers_without_end_are_cut_off() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nX: ")
        for _ in range(100_000):
            writer.write(b"y" * 1000)
            await writer.drain()

    async def story(client: HttpClient) -> None:
        with pytest.raises(HttpProblem, match="headers are larger than 64 KiB"):
            await whole(client)

    run(serve, story)


def test_a_silent_server_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_connection, "FIRST_BYTE_S", 30)
    monkeypatch.setattr(http_connection, "BETWEEN_BYTES_S", 0.2)

    async def story(client: HttpClient) -> None:
        with pytest.raises(HttpProblem, match=r"nothing came for 0.2 s"):
            await whole(client)

    run(answering(CHUNKED, b"5\r\nhello\r\n", b"", pause_s=1.0), story)
    monkeypatch.setattr(http_connection, "FIRST_BYTE_S", 0.2)
    run(answering(b"", pause_s=1.0), story)


def test_a_reader_that_is_slow_makes_the_server_wait() -> None:
    sent = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await _request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 200000000\r\n\r\n")
        for _ in range(200):
            writer.write(b"x" * 1_000_000)
            await writer.drain()
            sent += 1_000_000

    async def story(client: HttpClient) -> None:
        answer = await client.send("GET", "/models")
        await asyncio.sleep(1.0)
        assert sent < 30_000_000
        total = 0
        async for chunk in answer.chunks():
            total += len(chunk)
        assert total == 200_000_000
        answer.close()

    run(serve, story)


@pytest.mark.parametrize("url", ["ftp://x", "http://", "x", "http://127.0.0.1:99999/"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError):
        HttpClient(url)


def test_a_key_with_a_line_break_cannot_smuggle_a_header() -> None:
    with pytest.raises(ValueError, match="header"):
        HttpClient("http://127.0.0.1/", {"Authorization": "Bearer a\r\nX: y"})


def test_a_pinned_certificate_counts_although_the_other_clock_is_years_away(tmp_path: Path) -> None:
    made = tmp_path / "future"
    made.mkdir()
    context, _ = context_of(made, datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=1000))
    context_of(tmp_path)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await _request(reader)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        writer.close()

    async def main() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
        url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        pinned, other = HttpClient(url, certificate=str(made / "tls.pem")), HttpClient(url, certificate=str(tmp_path / "tls.pem"))
        assert await pinned.get("/", limit_s(5)) == (200, b"ok")
        with pytest.raises(HttpProblem, match="certificate verify failed"):
            await other.get("/", limit_s(5))
        pinned.close()
        server.close()
        await settle()

    asyncio.run(main())
