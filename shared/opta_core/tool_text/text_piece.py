"""A part of an answer's text: what is said, what is thought, or a tool call."""

from dataclasses import dataclass, field
from typing import Any, Literal

PieceKind = Literal["text", "thinking", "call", "was_thinking"]


@dataclass(frozen=True)
class TextPiece:
    """A part of an answer. `was_thinking`: all text so far was reasoning; its closing marker came, and its opening one never did."""

    kind: PieceKind
    text: str = ""
    name: str = ""
    arguments: dict[str, Any] | str = field(default_factory=dict[str, Any])


def joined(pieces: list[TextPiece]) -> list[TextPiece]:
    """The same pieces, with neighbours of one kind joined."""
    found: list[TextPiece] = []
    for piece in pieces:
        if found and piece.kind == found[-1].kind and piece.kind in ("text", "thinking"):
            found[-1] = TextPiece(piece.kind, found[-1].text + piece.text)
        else:
            found.append(piece)
    return found
