"""The daemon's client for programs with an event loop. `Client` does the work in threads, so that there is one implementation."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncGenerator
from typing import Any

from .client import Client, new_key

# Lines that are read ahead of a slow consumer; further ones stay in the connection.
AHEAD_MAX = 256


class AsyncClient:
    """As `Client`: the same requests, the same errors (OptaError), and events exactly once."""

    def __init__(self, client: Client):
        self.client = self._client = client

    @classmethod
    def of_home(cls, home: str = "") -> "AsyncClient":
        """A client of a home's daemon; '': the home of this environment."""
        return cls(Client.of_home(home))

    async def get(self, path: str, **query: Any) -> Any:
        """Send GET and decode the JSON response. Raises OptaError."""
        return await asyncio.to_thread(self._client.another().get, path, **query)

    async def post(self, path: str, body: dict[str, Any] | None = None, key: str = "") -> Any:
        """Send POST with a JSON body. With an idempotency key, it is resent after a lost connection. Raises OptaError."""
        return await asyncio.to_thread(self._client.another().post, path, body, key)

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Send any request and decode the JSON response. Raises OptaError."""
        return await asyncio.to_thread(self._client.another().ask, method, path, body)

    async def submit(self, sid: str, text: str, **fields: Any) -> str:
        """Submit a turn exactly once, also over a lost connection; its id. Raises OptaError."""
        return str((await self.post(f"/v3/sessions/{sid}/turns", {"text": text, **fields}, new_key()))["turnId"])

    async def events(self, sid: str, after: int = 0) -> AsyncGenerator[bytes]:
        """Stored lines after seq `after`, without end and across restarts of the daemon: each line once, in order. Raises OptaError.

        Close the generator (`contextlib.aclosing`) to stop; its thread then ends with the next line or ping of the daemon. Each stream has
        a thread of its own: those of `asyncio.to_thread` are few, and every request needs one.
        """
        loop, queue = asyncio.get_running_loop(), asyncio.Queue[bytes | BaseException](AHEAD_MAX)
        is_over = False

        def read() -> None:
            try:
                for line in self._client.another().events(sid, after, is_over=lambda: is_over):
                    asyncio.run_coroutine_threadsafe(queue.put(line), loop).result()
                    if is_over:
                        return
            except Exception as error:  # whatever ended the stream is raised where the events are awaited
                with contextlib.suppress(RuntimeError):
                    asyncio.run_coroutine_threadsafe(queue.put(error), loop)

        threading.Thread(target=read, name=f"events of {sid}", daemon=True).start()
        try:
            while True:
                found = await queue.get()
                if isinstance(found, BaseException):
                    raise found
                yield found
        finally:
            is_over = True
            while not queue.empty():
                queue.get_nowait()
