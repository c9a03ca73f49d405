"""The lines of journals, read without a daemon: for what looks at all sessions at once. They are only read."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec


class JournalLine(msgspec.Struct, frozen=True):
    """What a search needs of an event; other fields are not decoded. Field names as on the wire."""

    event: str
    seq: int = 0
    ts: str = ""
    turn: str = ""
    delta: str = ""
    text: str = ""
    content: str = ""
    message: str = ""
    name: str = ""
    title: str = ""
    cwd: str = ""
    args: dict[str, Any] = {}
    parentCall: str = ""
    keptChars: int = 0
    attempt: int = 1


_decoder = msgspec.json.Decoder(JournalLine)


def lines(file: Path) -> Iterator[JournalLine]:
    """The events of a journal; a line that cannot be read, such as one that is just being written, is left out."""
    with open(file, "rb") as handle:
        for line in handle:
            try:
                yield _decoder.decode(line)
            except msgspec.DecodeError:
                continue


def title_of(file: Path) -> str:
    """The title of a session: the one that it was given, else its first prompt, as lists show it."""
    for line in lines(file):
        if line.title or line.event == "turn.start":
            return " ".join((line.title or line.text).split())
    return ""


def first_event(file: Path) -> dict[str, Any]:
    """The fields of the first event of a journal; {} when it cannot be read."""
    try:
        with open(file, "rb") as handle:
            return msgspec.json.decode(handle.readline(1 << 20), type=dict[str, Any])
    except (OSError, msgspec.DecodeError):
        return {}
