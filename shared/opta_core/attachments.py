"""Files that a person uploaded for a turn: images for models that see, and text.

Each is one file in `daemon/attachments`, named after its content, so the same file twice is one. The gateway writes, the agent reads.
"""

import contextlib
import hashlib
import os
import re
import stat
from pathlib import Path

from opta_protocol.error_info import ErrorCode

from . import image_file
from .errors import OptaError, Refused
from .image_file import MEDIA_TYPES, NotAnImage
from .paths import write_whole

BYTES_MAX = 16 * 1024 * 1024
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,47}-[0-9a-f]{20}\.(?:png|jpg|gif|webp|txt)\Z")
_WORDS = re.compile(r"[^A-Za-z0-9._-]+")


def is_name(name: str) -> bool:
    """Whether a text has the form of an attachment's name."""
    return bool(_NAME.match(name))


def is_image(name: str) -> bool:
    """Whether the attachment of that name is an image."""
    return not name.endswith(".txt")


def media_type(name: str) -> str:
    """The media type of an attachment."""
    return MEDIA_TYPES.get(name.rpartition(".")[2], "text/plain; charset=utf-8")


def title(name: str) -> str:
    """The attachment's name as the person knows it."""
    return name.rpartition("-")[0]


class AttachmentFolder:
    """The attachments of one home. Its methods read and write files: they belong in a thread."""

    def __init__(self, folder: Path):
        self._folder = folder

    def store(self, content: bytes, given: str) -> str:
        """Keep a file that its person calls `given`; the attachment's name. It is on the disk when this returns.

        Raises Refused when it is no image that models take and no text, OptaError when it cannot be written.
        """
        name = f"{_slug(given)}-{hashlib.sha256(content).hexdigest()[:20]}.{_ending(content)}"
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_whole(self._folder / name, content)
            descriptor = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise OptaError(f"The file cannot be kept: {error.strerror or error}.", code=ErrorCode.storage_full, retryable=True) from error
        return name

    def size(self, name: str) -> int:
        """Bytes of an attachment; -1 when there is none of that name."""
        if not is_name(name):
            return -1
        with contextlib.suppress(OSError):
            seen = (self._folder / name).lstat()
            return seen.st_size if stat.S_ISREG(seen.st_mode) else -1
        return -1

    def read(self, name: str) -> bytes | None:
        """The content of an attachment; None when there is none of that name."""
        if not is_name(name):
            return None
        try:
            descriptor = os.open(self._folder / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            return None
        with os.fdopen(descriptor, "rb") as handle:
            return handle.read(BYTES_MAX) if stat.S_ISREG(os.fstat(descriptor).st_mode) else None


def _ending(content: bytes) -> str:
    """The ending that the content deserves. Raises Refused."""
    taken = "Models take PNG, JPEG, GIF and WebP images, and text"
    if not content:
        raise Refused("The file is empty.")
    try:
        image = image_file.read(content)
    except NotAnImage as error:
        raise Refused(f"The image cannot be used: {error}.", code=ErrorCode.unsupported_media_type) from error
    if image is not None:
        return image.kind
    if other := image_file.other_kind(content):
        raise Refused(f"The file is {other}. {taken}; convert it.", code=ErrorCode.unsupported_media_type)
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise Refused(f"The file is neither an image nor UTF-8 text. {taken}.", code=ErrorCode.unsupported_media_type) from None
    if "\0" in text:
        raise Refused(f"The file is binary. {taken}.", code=ErrorCode.unsupported_media_type)
    return "txt"


def _slug(given: str) -> str:
    """What of a name can be a part of a file's name."""
    words = _WORDS.sub("-", given.replace("\\", "/").rpartition("/")[2]).strip("-.")[:48].rstrip("-.")
    return words if words and words[0].isalnum() else f"_{words}"[:48].rstrip("-.") if words else "file"
