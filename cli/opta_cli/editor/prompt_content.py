"""What an editor sends as a prompt: texts, pictures, files that it names and files that it embeds, as the daemon takes them.

Nothing is left out: a part that Opta cannot pass on refuses the prompt and says why.
"""

import base64
import binascii
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from acp.schema import (
    AudioContentBlock,
    BlobResourceContents,
    EmbeddedResourceContentBlock,
    ImageContentBlock,
    ResourceContentBlock,
    TextContentBlock,
)

from .shown_text import fenced
from .turn_ending import refused

# A longer embedded text goes as a file.
INLINE_CHARS_MAX = 50_000
ATTACHED_MAX = 16


class PromptFile(NamedTuple):
    """A file that goes with a prompt."""

    name: str
    content: bytes


class PromptContent(NamedTuple):
    """The words, and the files to upload."""

    text: str
    files: list[PromptFile]


def read(blocks: list[Any], cwd: str) -> PromptContent:
    """The content of a prompt. Raises RequestError for what cannot be passed on."""
    texts: list[str] = []
    files: list[PromptFile] = []
    for block in blocks:
        match block:
            case TextContentBlock():
                texts.append(block.text)
            case ResourceContentBlock():
                texts.append(_reference(block.uri, block.name, cwd))
            case ImageContentBlock():
                files.append(PromptFile(_name(block.uri or "", f"image{len(files) + 1}"), _bytes(block.data, "image")))
            case EmbeddedResourceContentBlock():
                _embed(block.resource, texts, files)
            case AudioContentBlock():
                raise refused("Opta takes no sound. Send text, images or files.")
            case _:
                raise refused(f"Opta takes no {getattr(block, 'type', 'content of this kind')}. Send text, images or files.")
    text = "".join(texts).strip()
    if len(files) > ATTACHED_MAX:
        raise refused(
            f"The prompt has {len(files)} files; the most is {ATTACHED_MAX}. Name files of the workspace instead of embedding them."
        )
    if not text and not files:
        raise refused("The prompt is empty. Write a message.")
    return PromptContent(text or "See the attached files.", files)


def _reference(uri: str, name: str, cwd: str) -> str:
    """A file that the editor names: as a reference when it is in the workspace, which the daemon reads by its rules; else its address."""
    parts = urlsplit(uri)
    if parts.scheme not in ("file", ""):
        return f"{name} ({uri})"
    path = Path(unquote(parts.path))
    try:
        inside = path.relative_to(Path(cwd).resolve()) if path.is_absolute() else path
    except ValueError:
        return str(path)
    lines = f"#{parts.fragment.replace(':', '-')}" if parts.fragment.startswith("L") else ""
    return f' @"{inside}"{lines} ' if '"' not in str(inside) else str(path)


def _embed(resource: Any, texts: list[str], files: list[PromptFile]) -> None:
    if isinstance(resource, BlobResourceContents):
        files.append(PromptFile(_name(resource.uri, f"file{len(files) + 1}"), _bytes(resource.blob, resource.uri)))
    elif len(resource.text) <= INLINE_CHARS_MAX:
        texts.append(f"\n\n{resource.uri}\n{fenced(resource.text)}\n\n")
    else:
        name = _name(resource.uri, f"text{len(files) + 1}")
        files.append(PromptFile(name, resource.text.encode(errors="replace")))
        texts.append(f"\n\n{resource.uri} is attached as {name}.\n\n")


def _name(uri: str, otherwise: str) -> str:
    return Path(unquote(urlsplit(uri).path)).name or otherwise


def _bytes(data: str, what: str) -> bytes:
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        raise refused(f"The data of {what} is not base64.") from None
