"""Recognises the images that models take, by their content: PNG, JPEG, GIF and WebP, whole and of a usable size.

A broken image that reached a prompt would be refused by the model's server with every later request, so it is refused here.
"""

import struct

import msgspec

from .errors import Refused

SIDE_MAX = 8000
_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpg"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
)
MEDIA_TYPES = {"png": "image/png", "jpg": "image/jpeg", "gif": "image/gif", "webp": "image/webp"}
# Beginnings of files that people take for images and that models do not read.
_OTHERS = (
    (b"BM", "a BMP image"),
    (b"II*\0", "a TIFF image"),
    (b"MM\0*", "a TIFF image"),
    (b"\0\0\1\0", "an icon"),
    (b"%PDF-", "a PDF document"),
    (b"8BPS", "a Photoshop image"),
)


class NotAnImage(Refused):
    """The content is no image that models take; the message says why."""


class Image(msgspec.Struct, frozen=True):
    """`kind`: its file ending. `width` and `height` in pixels."""

    kind: str
    width: int
    height: int


def other_kind(content: bytes) -> str:
    """What a file is that is neither text nor an image for models, in words; '' when that is not known."""
    if content[4:8] == b"ftyp":
        return "a HEIC or AVIF image" if content[8:12] in (b"heic", b"heix", b"mif1", b"avif", b"hevc") else "a video"
    return next((words for begin, words in _OTHERS if content.startswith(begin)), "")


def read(content: bytes) -> Image | None:
    """The image that a file is; None when it does not begin like one. Raises NotAnImage when it is broken, cut off or too large."""
    kind = next((kind for begin, kind in _SIGNATURES if content.startswith(begin)), "")
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        kind = "webp"
    if not kind:
        return None
    try:
        width, height = _READERS[kind](content)
    except (struct.error, IndexError) as error:
        raise NotAnImage(f"it begins like a {kind} image, but is cut off or damaged") from error
    if not 0 < width <= SIDE_MAX or not 0 < height <= SIDE_MAX:
        raise NotAnImage(f"it is {width} x {height} pixels; each side has 1 to {SIDE_MAX}")
    return Image(kind, width, height)


def _png(content: bytes) -> tuple[int, int]:
    at, size = 8, (0, 0)
    while True:
        length, name = struct.unpack_from(">I4s", content, at)
        if at == 8:
            if name != b"IHDR":
                raise IndexError
            size = struct.unpack_from(">II", content, at + 8)
        if at + 12 + length > len(content):
            raise IndexError
        if name == b"IEND":
            return size
        at += 12 + length


def _jpeg(content: bytes) -> tuple[int, int]:
    if b"\xff\xd9" not in content[-64 * 1024 :]:
        raise IndexError
    at = 2
    while True:
        while content[at] == 0xFF and content[at + 1] == 0xFF:
            at += 1
        if content[at] != 0xFF:
            raise IndexError
        marker = content[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", content, at + 5)
            return width, height
        if marker == 0xDA or marker == 0xD9:
            raise IndexError
        at += 2 if marker == 1 or 0xD0 <= marker <= 0xD7 else 2 + max(2, struct.unpack_from(">H", content, at + 2)[0])


def _gif(content: bytes) -> tuple[int, int]:
    if b"\x3b" not in content[-1024:]:
        raise IndexError
    width, height = struct.unpack_from("<HH", content, 6)
    return width, height


def _webp(content: bytes) -> tuple[int, int]:
    (length,) = struct.unpack_from("<I", content, 4)
    if length + 8 > len(content):
        raise IndexError
    form = content[12:16]
    if form == b"VP8X":
        return 1 + int.from_bytes(content[24:27], "little"), 1 + int.from_bytes(content[27:30], "little")
    if form == b"VP8L":
        (bits,) = struct.unpack_from("<I", content, 21)
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    width, height = struct.unpack_from("<HH", content, 26)
    return width & 0x3FFF, height & 0x3FFF


_READERS = {"png": _png, "jpg": _jpeg, "gif": _gif, "webp": _webp}
