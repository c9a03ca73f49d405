"""The content of a message, whichever API's parts it is made of: its text, and its pictures for a model that sees them.

For other models a picture in a message is refused by name, as a sound is for all of them, since the answer would be about something else.
Inside the result of a tool a note stands in its place, since the agent's loop has to go on.
"""

import base64
import binascii
from collections.abc import Callable
from typing import Any

import msgspec

from opta_core.errors import Refused

from ..ipc.messages import Picture
from ..json_values import as_list, as_object
from .picture import KINDS, picture_of
from .request_body import Ignored

_TEXTS = ("text", "input_text", "output_text", "summary_text", "reasoning_text")
_THOUGHTS = ("thinking", "redacted_thinking", "reasoning")
_MEDIA = {
    "image": "an image", "image_url": "an image", "input_image": "an image", "computer_screenshot": "an image",
    "input_audio": "audio", "audio": "audio", "audio_url": "audio", "video": "a video", "video_url": "a video", "input_video": "a video",
    "file": "a file", "input_file": "a file", "document": "a document",
}  # fmt: skip


def text_of(where: str, content: Any, found: Ignored, *, is_result: bool = False, joint: str = "") -> str:
    """The text of a content: a string, or a list of parts joined by `joint`. Raises Refused naming `where` and the part."""
    pieces = _pieces(where, content, found, is_result=is_result, sees=False)
    return joint.join(piece for piece in pieces if isinstance(piece, str))


def content_of(where: str, content: Any, found: Ignored, *, is_result: bool = False, joint: str = "") -> str | list[Any]:
    """The same with pictures, for a model that sees them: then a list of text parts and of `Picture`, else a text."""
    pieces = _pieces(where, content, found, is_result=is_result, sees=not found.blindness)
    if not any(isinstance(piece, Picture) for piece in pieces):
        return joint.join(piece for piece in pieces if isinstance(piece, str))
    parts: list[Any] = []
    for piece in pieces:
        last = parts[-1] if parts else None
        if isinstance(piece, Picture):
            parts.append(piece)
        elif isinstance(last, dict):
            last["text"] += joint + piece
        else:
            parts.append({"type": "text", "text": piece})
    return parts


def _pieces(where: str, content: Any, found: Ignored, *, is_result: bool, sees: bool) -> list[str | Picture]:
    if content is None:
        return []
    if isinstance(content, str):
        return [content]
    if (parts := as_list(content)) is None:
        raise Refused(f"Field '{where}': a string, or a list of parts.")
    pieces = [_part(where, part, found, is_result=is_result, sees=sees) for part in parts]
    return [piece for piece in pieces if piece is not None]


def thoughts_of(content: Any) -> str:
    """The reasoning that stands among the parts of an assistant's content."""
    texts: list[str] = []
    for part in as_list(content) or []:
        match part:
            case {"type": "thinking", "thinking": str() as text} | {"type": "reasoning", "text": str() as text}:
                texts.append(text)
            case _:
                pass
    return "\n".join(texts)


def _part(where: str, part: Any, found: Ignored, *, is_result: bool, sees: bool) -> str | Picture | None:
    """The text of one part, or its picture; None for reasoning, which has its own place."""
    if isinstance(part, str):
        return part
    if isinstance(part, Picture):
        # One that was read before: no JSON of a client becomes one.
        if not sees:
            raise Refused(f"Field '{where}': pictures are taken in messages of the user and in results of tools.")
        return part
    fields = as_object(part)
    kind = fields.get("type") if fields else None
    if fields is not None and kind is None and "image_url" in fields:
        kind = "image_url"
    if fields is None or (kind is not None and not isinstance(kind, str)):
        raise Refused(f"Field '{where}': each part is an object with a type, such as text.")
    text = fields.get("text")
    if (kind is None or kind in _TEXTS) and isinstance(text, str):
        return text
    if kind in _THOUGHTS:
        return None
    if kind == "refusal" and isinstance(fields.get("refusal"), str):
        return str(fields["refusal"])
    if (reader := _READERS.get(kind or "")) and (read := reader(fields)) is not None:
        return read
    if kind in _MEDIA:
        if kind in KINDS and sees and not (is_result and _is_elsewhere(fields)):
            return picture_of(where, fields, found)
        if not is_result:
            blind = found.blindness or "pictures are taken in messages of the user and in results of tools"
            reason = blind if kind in KINDS else "this model reads only text parts"
            raise Refused(f"Field '{where}': it holds {_MEDIA[kind]} (part {kind!r}), and {reason}.")
        found.add(f"{where} ({kind})")
        return f"[{_MEDIA[kind]}, which this model cannot see]"
    if is_result and kind not in _TEXTS:
        # Parts of other kinds are data of a tool: the model reads them as JSON.
        return msgspec.json.encode(fields).decode()
    raise Refused(f"Field '{where}': the part {str(kind)[:40]!r} is not supported; text parts are.")


def _is_elsewhere(fields: dict[str, Any]) -> bool:
    """Whether a picture is only named: by its address, or as a stored file. In the result of a tool it leaves a note."""
    source = as_object(fields.get("source")) or {}
    given = fields.get("image_url") or source.get("url") or fields.get("url")
    address = (as_object(given) or {}).get("url", given)
    return "file_id" in fields or (isinstance(address, str) and not address.lower().startswith("data:"))


def _document(fields: dict[str, Any]) -> str | None:
    """The text of a document; None when it has none that can be read."""
    source = as_object(fields.get("source")) or {}
    match source:
        case {"type": "text", "data": str() as text}:
            body: str | None = text
        case {"type": "content", "content": str() as text}:
            body = text
        case {"type": "content", "content": list()}:
            body = _texts(as_list(source["content"]) or [])
        case {"type": "base64", "media_type": str() as media, "data": str() as data} if media.startswith("text/"):
            body = _decoded(data)
        case _:
            return None
    title = fields.get("title")
    return f"{title}\n{body}" if body is not None and isinstance(title, str) and title else body


def _file(fields: dict[str, Any]) -> str | None:
    """The text of a file that came as a data URL of a text; None for others."""
    inner = as_object(fields.get("file")) or fields
    data = inner.get("file_data")
    if not isinstance(data, str) or not data.startswith("data:text/"):
        return None
    head, _, body = data.partition(",")
    text = _decoded(body) if head.endswith(";base64") else None
    name = inner.get("filename")
    return f"{name}\n{text}" if text is not None and isinstance(name, str) else text


def _search_result(fields: dict[str, Any]) -> str | None:
    heads = [str(fields[name]) for name in ("title", "source") if isinstance(fields.get(name), str)]
    return "\n".join([*heads, _texts(as_list(fields.get("content")) or [])])


def _tool_reference(fields: dict[str, Any]) -> str | None:
    return f"[tool {fields.get('tool_name', '')}]"


def _texts(blocks: list[Any]) -> str:
    """The texts of text blocks."""
    found = [fields.get("text") for block in blocks if (fields := as_object(block)) is not None]
    return "\n".join(text for text in found if isinstance(text, str))


def _decoded(data: str) -> str | None:
    try:
        return base64.b64decode(data, validate=True).decode()
    except (binascii.Error, ValueError):
        return None


_READERS: dict[str, Callable[[dict[str, Any]], str | None]] = {
    "document": _document,
    "file": _file,
    "input_file": _file,
    "search_result": _search_result,
    "tool_reference": _tool_reference,
}
