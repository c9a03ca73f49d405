"""Server-sent events to one client."""

import asyncio

from .asgi import Headers, Send

KEEPALIVE_S = 10.0


class EventStream:
    """A response of type text/event-stream, or of another that is sent piece by piece. `begin` or the first `write` sends its head."""

    def __init__(self, send: Send, headers: Headers | None = None, media_type: bytes = b"text/event-stream"):
        self._send = send
        self._headers = [(b"content-type", media_type), (b"cache-control", b"no-store"), *(headers or [])]
        self.has_begun = self._is_active = False

    async def begin(self) -> None:
        """Send the head. After that the status is 200."""
        self.has_begun = True
        await self._send({"type": "http.response.start", "status": 200, "headers": self._headers})

    async def write(self, content: bytes) -> None:
        """Send one or more complete events."""
        self._is_active = True
        if not self.has_begun:
            await self.begin()
        await self._send({"type": "http.response.body", "body": content, "more_body": True})

    async def close(self) -> None:
        """End the response."""
        await self._send({"type": "http.response.body", "body": b""})

    async def keep_alive(self) -> None:
        """Send a comment whenever nothing was written for `KEEPALIVE_S`. Runs until it is cancelled."""
        while True:
            self._is_active = False
            await asyncio.sleep(KEEPALIVE_S)
            if not self._is_active:
                await self.write(b": waiting\n\n")
