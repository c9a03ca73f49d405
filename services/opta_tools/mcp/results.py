"""The result of a tool of an MCP server as text for a model. Content that is not text is kept as a file and named in the text.

Format: modelcontextprotocol.io, "Tools", Tool Result. A part of an unknown kind is shown as its JSON.
"""

import base64
import binascii
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from opta_core.logs import Log

from ..result import Outcome
from . import tools

CONTENT_BYTES_MAX = 64 * 1024
FILE_BYTES_MAX = 32 * 1024 * 1024
PARTS_MAX = 1000
_SUFFIXES = {
    "image/png": ".png", "image/jpeg": ".jpg", "image/gif": ".gif", "image/webp": ".webp", "image/svg+xml": ".svg", "audio/wav": ".wav", "audio/x-wav": ".wav",
    "audio/mpeg": ".mp3", "audio/ogg": ".ogg", "application/pdf": ".pdf", "application/json": ".json", "text/plain": ".txt",
}  # fmt: skip
_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9.+-]{0,60}/[a-z0-9][a-z0-9.+-]{0,60}\Z")
log = Log("mcp")


@dataclass(frozen=True)
class ResultFiles:
    """Where files of one call are kept: `folder/call-NUMBER.SUFFIX`, and its long text as `folder/call.txt`."""

    folder: Path
    call: str

    def write(self, name: str, content: bytes) -> str:
        """Keep a file; its name, or '' when it cannot be kept."""
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            flags = os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC
            with os.fdopen(os.open(self.folder / name, flags, 0o600), "wb") as handle:
                handle.write(content)
        except OSError as error:
            log.warning("result not kept in a file", file=name, reason=error)
            return ""
        return name


def outcome_of(result: dict[str, Any], kept: ResultFiles) -> Outcome:
    """The outcome of a call. A result that is longer than a model should read is cut in the middle and kept whole."""
    ok = result.get("isError") is not True
    text = text_of(result, kept) or "(no content)"
    encoded = text.encode(errors="replace")
    lines = text.count("\n") + 1
    is_cut, spill = len(encoded) > CONTENT_BYTES_MAX, ""
    if is_cut:
        spill = kept.write(f"{kept.call}.txt", encoded)
        half = CONTENT_BYTES_MAX // 2
        left_out = len(encoded) - CONTENT_BYTES_MAX
        text = encoded[:half].decode(errors="ignore") + f"\n… {left_out} bytes left out …\n" + encoded[-half:].decode(errors="ignore")
    return Outcome(text if ok else f"Error: {text}", lines=lines, ok=ok, code="" if ok else "mcp", is_truncated=is_cut, spill=spill)


def text_of(result: dict[str, Any], kept: ResultFiles) -> str:
    """The text of a result, of any form."""
    content = result.get("content", result.get("contents"))
    parts = cast("list[Any]", content) if isinstance(content, list) else [] if content is None else [content]
    said = [_Part(part, kept, number).text() for number, part in enumerate(parts[:PARTS_MAX], 1)]
    if len(parts) > PARTS_MAX:
        said.append(f"… {len(parts) - PARTS_MAX} more parts are left out …")
    structured = result.get("structuredContent")
    if structured is not None and not any(_is_same(text, structured) for text in said):
        said.append(_json(structured))
    if content is None and structured is None:
        # An older protocol, or a server with a form of its own.
        rest = {name: value for name, value in result.items() if name not in ("isError", "_meta") and value is not None}
        if rest:
            said.append(_json(rest))
    return "\n".join(text for text in said if text)


class _Part:
    """One part of a result. `number`: its place, from 1."""

    def __init__(self, part: Any, kept: ResultFiles, number: int):
        self._part, self._kept, self._number = part, kept, number

    def text(self) -> str:
        """What a model reads of it."""
        part = self._part
        if not isinstance(part, dict):
            return part if isinstance(part, str) else "" if part is None else _json(part)
        known = cast("dict[str, Any]", part)
        kind, text = known.get("type"), known.get("text")
        if kind == "resource_link":
            return _link(known)
        inner = known.get("resource")
        if kind == "resource" and isinstance(inner, dict):
            known = cast("dict[str, Any]", inner)
            text = known.get("text")
        if isinstance(text, str):
            return text
        for name in ("data", "blob"):
            if isinstance(known.get(name), str):
                return self._file(known, str(kind or "resource"), known[name])
        return _json(part)

    def _file(self, part: dict[str, Any], kind: str, encoded: str) -> str:
        """Keep the bytes of a part as a file; what is said of it."""
        given = str(part.get("mimeType") or "").split(";")[0].strip().lower()
        media_type = given if _MEDIA_TYPE.match(given) else "application/octet-stream"
        named = tools.plain(str(part.get("uri") or part.get("name") or ""), 200)
        about = f"{kind} {media_type}" if kind in ("image", "audio") else media_type
        about = f"{about} {named}".strip()
        try:
            content = base64.b64decode("".join(encoded.split()), validate=True)
        except (binascii.Error, ValueError):
            return f"[{about}: its data is not base64 and was not kept]"
        if len(content) > FILE_BYTES_MAX:
            return f"[{about}: {len(content)} bytes, which is too large to be kept]"
        suffix = _SUFFIXES.get(media_type, ".bin")
        name = self._kept.write(f"{self._kept.call}-{self._number}{suffix}", content)
        return (
            f"[{about}, {len(content)} bytes, kept as attachment {name}]" if name else f"[{about}, {len(content)} bytes, could not be kept]"
        )


def _link(part: dict[str, Any]) -> str:
    uri = tools.plain(str(part.get("uri") or ""), 1000)
    name = tools.plain(str(part.get("title") or part.get("name") or ""), 200)
    media_type = tools.plain(str(part.get("mimeType") or ""), 100)
    text = f"[resource {uri}" + (f" ({name})" if name else "") + (f" {media_type}" if media_type else "") + "]"
    description = tools.plain(str(part.get("description") or ""), 1000)
    return f"{text} {description}".strip()


def _is_same(text: str, structured: Any) -> bool:
    """Whether a text is the JSON of structured content, which servers send along for older clients."""
    if not text.lstrip().startswith(("{", "[", '"')) and not isinstance(structured, dict):
        return False
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        # Some servers wrap a plain text as {"result": text}.
        found = text
    return found == structured or structured == {"result": found}


def _json(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False)
    except (ValueError, RecursionError):
        return "(content that is nested too deeply)"
