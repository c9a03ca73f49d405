"""A site on the web for tests: names resolve as a test says, and public addresses lead to a server of this process."""

import asyncio
import gzip
import ssl
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import msgspec

from opta_core.settings import Settings
from opta_protocol.tools.web import WebFetch
from opta_tools.result import Outcome, ToolProblem
from opta_tools.web.web_fetch import WebFetcher

from .limits import limit_s

T = TypeVar("T")
PUBLIC = "93.184.216.34"
# What a server says, and whether it then closes the connection or keeps it open without a word.
Pieces = list[bytes | None]


def answer(body: bytes = b"", kind: str = "text/html", status: int = 200, **headers: str) -> Pieces:
    """A whole response. `headers`: with _ for -."""
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", *([f"Content-Type: {kind}"] if kind else [])]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ["\r\n".join(lines).encode() + b"\r\n\r\n" + body]


def packed(body: bytes, **headers: str) -> Pieces:
    """A response whose body is gzip."""
    return answer(gzip.compress(body), "text/html", 200, Content_Encoding="gzip", **headers)


class WebSite:
    """`pages`: target -> what is sent. `asked` holds the heads of the requests, `connected` the addresses that were connected to."""

    def __init__(self, pages: dict[str, Pieces], names: dict[str, list[str]] | None = None, settings: Settings | None = None):
        self._pages, self._names = pages, {"good.test": [PUBLIC], **(names or {})}
        self._settings = settings or Settings()
        self.asked: list[str] = []
        self.connected: list[str] = []
        self.resolved: list[str] = []
        self.port = 0

    def with_web(self, **web: Any) -> "WebSite":
        """The same with settings of `web`."""
        self._settings = msgspec.structs.replace(self._settings, web=msgspec.structs.replace(self._settings.web, **web))
        return self

    def fetch(
        self, url: str, fetch_s: float = 20.0, tls: ssl.SSLContext | None = None, server_tls: ssl.SSLContext | None = None
    ) -> Outcome:
        """One call; a refusal comes back as a failed outcome."""

        async def call(fetcher: WebFetcher) -> Outcome:
            try:
                return await fetcher.fetch(WebFetch(url=url))
            except ToolProblem as problem:
                return Outcome(f"Error: {problem}", ok=False, code=problem.code)

        return self.run(call, fetch_s, tls, server_tls)

    def run(self, story: Callable[[WebFetcher], Awaitable[T]], fetch_s: float = 20.0, tls: ssl.SSLContext | None = None, server_tls: ssl.SSLContext | None = None) -> T:  # fmt: skip
        """Something that is done with a fetcher while the site is there."""

        async def resolve(host: str, port: int) -> list[str]:
            self.resolved.append(host)
            if host in self._names:
                # The next time a name may mean something else.
                addresses = self._names[host]
                return [addresses.pop(0)] if len(addresses) > 1 else addresses
            return [host]

        def port_of(address: str, port: int) -> tuple[str, int]:
            self.connected.append(address)
            return "127.0.0.1", self.port

        async def whole() -> T:
            server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=server_tls)
            self.port = server.sockets[0].getsockname()[1]
            try:
                async with asyncio.timeout(limit_s(60)):
                    return await story(WebFetcher(lambda: self._settings, resolve, port_of, fetch_s, tls))
            finally:
                server.close()

        return asyncio.run(whole())

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            self.asked.append(head)
            for piece in self._pages.get(head.split(" ")[1], answer(b"nothing here", "text/plain", 404)):
                if piece is None:
                    # Silence, until the other side has had enough.
                    await reader.read()
                    return
                writer.write(piece)
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
