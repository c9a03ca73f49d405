"""A request's body, read up to a limit."""

from opta_core.errors import OptaError, Refused
from opta_protocol.error_info import ErrorCode

from .asgi import Headers, Message, Receive, header_values

_MIB = 1024 * 1024
# Longest Content-Length that is converted to a number; conversion of a very long text takes too much time.
_LENGTH_DIGITS_MAX = 18


class LimitedBody:
    """Wraps `receive`: a body of more than `bytes_max`, or one that ends early, raises Refused.

    The constructor raises when Content-Length is too large, before anything is read.
    """

    def __init__(self, headers: Headers, receive: Receive, bytes_max: int):
        self._receive, self._bytes_max = receive, bytes_max
        self._taken, self._is_whole = 0, False
        for length in header_values(headers, b"content-length"):
            if not length.isdigit() or len(length) > _LENGTH_DIGITS_MAX or int(length) > bytes_max:
                raise self._too_large()

    @property
    def is_too_large(self) -> bool:
        """Whether the body exceeded the limit. The rest of it is still unread on the connection."""
        return self._taken > self._bytes_max

    async def receive(self) -> Message:
        """The next ASGI message. Raises Refused: too_large, or bad_request when the client disconnected."""
        message = await self._receive()
        if message["type"] == "http.request":
            self._taken += len(message.get("body", b""))
            self._is_whole = not message.get("more_body", False)
            if self.is_too_large:
                raise self._too_large()
        elif not self._is_whole:
            raise Refused("The client disconnected before its body was complete.", code=ErrorCode.bad_request)
        return message

    async def read(self) -> bytes:
        """The complete body. Raises Refused."""
        parts: list[bytes] = []
        while not self._is_whole:
            parts.append((await self.receive()).get("body", b""))
        return b"".join(parts)

    def _too_large(self) -> OptaError:
        limit = f"{self._bytes_max // 1024} KiB" if self._bytes_max <= _MIB else f"{self._bytes_max // _MIB} MiB"
        return Refused(f"The body is larger than {limit}.", code=ErrorCode.too_large)
