"""Connections as LMX takes them: errors that the connection itself finds have the form of every other error of LMX."""

from opta_core.errors import OptaError
from opta_http.asgi import Send
from opta_http.fast_connection import FastConnection

from .sse import error_body, send_error


class LmxConnection(FastConnection):
    """Writes errors as OpenAI's and Anthropic's clients read them."""

    def error_body(self, error: OptaError) -> bytes:
        return error_body(error)

    async def send_error(self, send: Send, error: OptaError, path: str) -> None:
        await send_error(send, error, path)
