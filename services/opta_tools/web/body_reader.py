"""Reads the body of a response: bounded in bytes and in time, also after it is unpacked, so that a small body cannot become a large one."""

import asyncio
import zlib
from dataclasses import dataclass

from opta_core.net.http_connection import HttpProblem, HttpResponse

# Of a body as it is sent, and of what it is unpacked to.
BODY_BYTES_MAX = 4 * 1024 * 1024
_GZIP_OR_ZLIB, _DEFLATE = 47, -15
# Codings of a body that can be unpacked. Only gzip is asked for; some servers send others.
# A gzip body has one member, seldom a few. Each costs a copy of what is left of its chunk.
MEMBERS_MAX = 64
UNPACKED = ("gzip", "x-gzip", "deflate")


@dataclass(frozen=True)
class WebBody:
    """The bytes of a body, and why its end is missing; '' when it is whole."""

    content: bytes
    cut: str = ""


async def read_body(response: HttpResponse, deadline: float, bytes_max: int = BODY_BYTES_MAX) -> WebBody:
    """Read a body until a time of the event loop. Raises HttpProblem when nothing of it arrived."""
    coding = response.headers.get(b"content-encoding", b"").decode("latin-1").strip().lower()
    unpacker = _Unpacker(bytes_max) if coding in UNPACKED else _Plain(bytes_max)
    cut = ""
    try:
        async with asyncio.timeout_at(deadline):
            async for chunk in response.chunks():
                if unpacker.add(chunk):
                    cut = f"it is longer than {bytes_max // 1024**2} MiB" if bytes_max >= 1024**2 else "it is long"
                    break
    except TimeoutError:
        cut = "it did not arrive in time"
    except HttpProblem as problem:
        if not unpacker.content:
            raise
        cut = f"the connection broke: {problem.message}"
    except zlib.error:
        if not unpacker.content:
            raise HttpProblem(f"its body cannot be unpacked as {coding}") from None
        cut = f"the rest cannot be unpacked as {coding}"
    return WebBody(bytes(unpacker.content), cut)


class _Plain:
    """A body that is not packed."""

    def __init__(self, bytes_max: int):
        self._max = bytes_max
        self.content = bytearray()

    def add(self, chunk: bytes) -> bool:
        """Take a chunk; whether the limit is reached."""
        self.content += chunk[: self._max - len(self.content)]
        return len(chunk) > 0 and len(self.content) >= self._max


class _Unpacker:
    """Unpacks gzip, zlib and raw deflate. A body that says that it is packed and is plain text is taken as it is. Raises zlib.error."""

    def __init__(self, bytes_max: int):
        self._max = bytes_max
        self._stream = zlib.decompressobj(_GZIP_OR_ZLIB)
        self._taken = self._members = 0
        self._is_plain = False
        self.content = bytearray()

    def add(self, chunk: bytes) -> bool:
        """Take a chunk; whether a limit is reached."""
        self._taken += len(chunk)
        if not self.content and self._taken == len(chunk):
            chunk = self._begin(chunk)
        while chunk and len(self.content) < self._max:
            if self._is_plain:
                self.content += chunk[: self._max - len(self.content)]
                break
            self.content += self._stream.decompress(chunk, self._max - len(self.content))
            chunk = self._stream.unconsumed_tail
            if self._stream.eof:
                # A gzip file may have several members; anything else behind the end is ignored.
                chunk = self._stream.unused_data
                self._members += 1
                if not chunk.startswith(b"\x1f\x8b"):
                    break
                if self._members > MEMBERS_MAX:
                    raise zlib.error("too many members")
                self._stream = zlib.decompressobj(_GZIP_OR_ZLIB)
        return len(self.content) >= self._max or self._taken >= self._max

    def _begin(self, chunk: bytes) -> bytes:
        try:
            zlib.decompressobj(_GZIP_OR_ZLIB).decompress(chunk, 1)
        except zlib.error:
            self._is_plain = not _is_deflate(chunk)
            self._stream = zlib.decompressobj(_DEFLATE)
        return chunk


def _is_deflate(chunk: bytes) -> bool:
    try:
        return bool(zlib.decompressobj(_DEFLATE).decompress(chunk, 64)) and not chunk[:256].isascii()
    except zlib.error:
        return False
