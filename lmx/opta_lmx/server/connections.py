"""LMX's HTTP connection: errors that it detects itself have the same form as all other errors of LMX."""

from opta_core.errors import OptaError
from opta_http.asgi import Send
from opta_http.fast_connection import FastConnection

from .sse import error_body, send_error


class LmxConnection(FastConnection):
    """Writes errors in the forms that OpenAI's and Anthropic's clients expect."""

    def error_body(self, error: OptaError) -> bytes:
        return error_body(error)

    async def send_error(self, send: Send, error: OptaError, path: str) -> None:
        await send_error(send, error, path)
