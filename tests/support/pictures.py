"""Small images of each kind, made by hand."""

import struct
import zlib


def png(width: int = 3, height: int = 2) -> bytes:
    """A grey PNG."""
    rows = zlib.compress((b"\0" + b"\x80" * width) * height)
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in ((b"IHDR", header), (b"IDAT", rows), (b"IEND", b"")))


def jpeg(width: int = 3, height: int = 2) -> bytes:
    """The structure of a JPEG: its tables are empty."""
    app = b"\xff\xe0" + struct.pack(">H", 16) + b"JFIF\0" + bytes(9)
    frame = b"\xff\xc2" + struct.pack(">HBHHB", 11, 8, height, width, 1) + bytes(3)
    return b"\xff\xd8" + app + b"\xff\xff" + frame[1:] + b"\xff\xda" + struct.pack(">H", 2) + b"data\xff\xd9"


def gif(width: int = 3, height: int = 2) -> bytes:
    """An empty GIF."""
    return b"GIF89a" + struct.pack("<HH", width, height) + b"\0\0\0\x3b"


def webp(width: int = 3, height: int = 2) -> bytes:
    """A lossless WebP without pixels."""
    body = b"WEBPVP8L" + struct.pack("<IBI", 5, 0x2F, (width - 1) | (height - 1) << 14)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
