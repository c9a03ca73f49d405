"""One request of a provider to a test's server."""

import asyncio
from collections.abc import Callable, Iterable

import msgspec

from opta_agent.providers.base import CallPart, End, ModelRequest, Part, Provider, TextPart, Thinking
from opta_agent.providers.openai import OpenAiProvider
from opta_core.errors import OptaError
from opta_core.secrets.vault import Secret
from support.limits import limit_s

from .byte_server import ByteServer, Piece, Reply


class HeardAnswer:
    """What came of one request: the parts, and the error that ended them, if any. `connect` makes the provider, on the loop."""

    def __init__(self, connect: Callable[[], Provider], request: ModelRequest):
        self.parts: list[Part] = []
        self.error: OptaError | None = None
        asyncio.run(self._ask(connect, request))

    async def _ask(self, connect: Callable[[], Provider], request: ModelRequest) -> None:
        provider = connect()
        try:
            async with asyncio.timeout(limit_s(10)):
                async for parts in provider.stream(request):
                    self.parts += parts
        except OptaError as error:
            self.error = error
        provider.close()

    @property
    def text(self) -> str:
        return "".join(part.delta for part in self.parts if isinstance(part, TextPart))

    @property
    def thought(self) -> str:
        return "".join(part.delta for part in self.parts if isinstance(part, Thinking))

    @property
    def calls(self) -> list[tuple[str, str]]:
        return [(part.name, part.arguments) for part in self.parts if isinstance(part, CallPart)]

    @property
    def end(self) -> End | None:
        return next((part for part in self.parts if isinstance(part, End)), None)

    @property
    def code(self) -> str:
        return self.error.code.value if self.error else ""


class Heard(HeardAnswer):
    """The same of a chat server at `url`."""

    def __init__(self, url: str, key: str = "", tools: bytes = b"", messages: bytes = b"[]"):
        request = ModelRequest(model="m", messages=msgspec.Raw(messages), tools=msgspec.Raw(tools))
        super().__init__(lambda: OpenAiProvider("p", url, Secret(key) if key else None), request)


def hear(reply: Reply | Iterable[Piece], key: str = "") -> Heard:
    """Ask a server that answers so."""
    with ByteServer(reply if callable(reply) else lambda request: reply) as server:
        return Heard(server.url, key)
