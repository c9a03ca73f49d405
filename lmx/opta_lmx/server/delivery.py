"""Sends an answer while it is made, and stops making it when the client leaves.

One request is one task, one generator and one cancel scope; a second task waits for the client to disconnect.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from opta_core.errors import OptaError
from opta_http.asgi import Headers, Receive
from opta_http.event_stream import EventStream

from .sse import Asked, error_body, is_ollama, send_body


async def send_whole(asked: Asked, content: AsyncGenerator[bytes, None], headers: Headers) -> None:
    """Send the one item of `content` as a JSON body; nothing when the client has left. Raises OptaError before anything is sent."""
    try:
        async with until_disconnect(asked.receive):
            async for body in content:
                await send_body(asked.send, 200, body, b"application/json", headers)
    finally:
        await content.aclose()


async def send_stream(
    asked: Asked, content: AsyncGenerator[bytes, None], headers: Headers, media_type: bytes = b"text/event-stream"
) -> None:
    """Send the items of `content`, server-sent events or lines, until it or the client ends.

    Raises OptaError when `content` fails before its first item; a later failure is sent as an event.
    """
    stream = EventStream(asked.send, headers, media_type)
    try:
        async with until_disconnect(asked.receive):
            try:
                async for events in content:
                    await stream.write(events)
            except OptaError as error:
                if not stream.has_begun:
                    raise
                await stream.write(_error_event(error, asked.path))
            await stream.close()
    finally:
        await content.aclose()


@asynccontextmanager
async def until_disconnect(receive: Receive) -> AsyncGenerator[None]:
    """Run the block until it ends or the client disconnects; the latter cancels it and ends the context without an error."""
    watch = asyncio.create_task(_disconnected(receive), name="disconnect")
    # A timeout without a deadline is a cancel scope: setting its deadline to now cancels the block.
    scope = asyncio.timeout(None)

    def cancel_block(_: asyncio.Task[None]) -> None:
        scope.reschedule(0.0)

    try:
        async with scope:
            watch.add_done_callback(cancel_block)
            try:
                yield
            finally:
                watch.remove_done_callback(cancel_block)
    except TimeoutError:
        if not scope.expired():
            raise
    finally:
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _error_event(error: OptaError, path: str) -> bytes:
    if is_ollama(path):
        return error_body(error, path) + b"\n"
    # Anthropic's and the Responses API's streams name their events; OpenAI's older streams do not.
    name = b"event: error\n" if path.startswith(("/v1/messages", "/v1/responses")) else b""
    return name + b"data: " + error_body(error, path) + b"\n\n"
