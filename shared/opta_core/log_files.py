"""Reads the log files of the services: the newest entries in order of time, and those that come after. It needs no daemon.

An entry is a line as `logs` writes it, with the lines of its traceback.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import msgspec

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
TAIL_BYTES = 4 << 20
_HEAD = re.compile(r"(?:\d{4}-\d\d-\d\d )?\d\d:\d\d:\d\d\.\d{3} (\w+) ")


class LogEntry(msgspec.Struct, frozen=True):
    """`level`: one of LEVELS; what is none of them counts as ERROR, and a line that `logs` did not write as INFO."""

    service: str
    level: str
    text: str

    @property
    def at(self) -> str:
        """Sorts entries by time. Lines of an older daemon have no date, and come first."""
        return self.text[:23] if self.text[:1] == "2" and self.text[4:5] == "-" else f"0{self.text[:12]}"

    def is_at_least(self, level: str) -> bool:
        """Whether its level is `level` or a graver one."""
        return LEVELS.index(self.level) >= LEVELS.index(level)


class LogFiles:
    """The logs of `services` in a folder. `ends`: service -> the byte of its file up to which it was read. Calls block."""

    def __init__(self, folder: Path, services: Iterable[str], ends: dict[str, int] | None = None):
        self._files = {service: folder / f"{service}.log" for service in services}
        self.ends = {service: end for service, end in (ends or {}).items() if service in self._files}

    def newest(self, tail_bytes: int = TAIL_BYTES) -> list[LogEntry]:
        """The entries in the last `tail_bytes` of each file."""
        return self._read(lambda file: _end_of(file, tail_bytes))

    def news(self) -> list[LogEntry]:
        """The entries that came since the last call."""
        return self._read(lambda file: _since(file, self.ends.get(file.stem, 0)))

    def _read(self, read: Callable[[Path], tuple[str, int]]) -> list[LogEntry]:
        found: list[LogEntry] = []
        for service, file in self._files.items():
            content, self.ends[service] = read(file)
            found += _entries(service, content)
        return sorted(found, key=lambda entry: entry.at)


def _end_of(file: Path, tail_bytes: int) -> tuple[str, int]:
    """(the last part of a file, where it ends)."""
    try:
        size = file.stat().st_size
    except OSError:
        return "", 0
    content, end = _since(file, max(0, size - tail_bytes))
    return content if size <= tail_bytes else content.partition("\n")[2], end


def _since(file: Path, at: int) -> tuple[str, int]:
    """(the whole lines of a file from byte `at`, where they end). A file that is shorter was begun anew."""
    try:
        with open(file, "rb") as handle:
            size = handle.seek(0, 2)
            at = at if size >= at else 0
            # Of more than that, the newest is read.
            handle.seek(max(at, size - TAIL_BYTES))
            at = handle.tell()
            content = handle.read(TAIL_BYTES)
    except OSError:
        return "", 0
    whole = content[: content.rfind(b"\n") + 1]
    return whole.decode(errors="replace"), at + len(whole)


def _entries(service: str, content: str) -> Iterator[LogEntry]:
    lines: list[str] = []
    level = "INFO"
    for line in content.splitlines():
        if head := _HEAD.match(line):
            if lines:
                yield LogEntry(service, level, "\n".join(lines))
            lines, level = [line], head[1] if head[1] in LEVELS else "ERROR"
        else:
            lines.append(line)
    if lines:
        yield LogEntry(service, level, "\n".join(lines))
