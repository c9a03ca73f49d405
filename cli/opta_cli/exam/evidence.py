"""What the check of a task may look at: the folder before and after, the calls as the journal has them, and the answers.

The folder was written by a model: it is read without following links, and only up to a size.
"""

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from opta_core.transcript import Call, Turn

FILE_BYTES_MAX, FILES_MAX = 2_000_000, 2_000
# Folders and files that programs leave behind by themselves.
LEFT_BY_PROGRAMS = frozenset({"__pycache__", ".pytest_cache", ".ruff_cache", ".mypy_cache", ".DS_Store"})


@dataclass(frozen=True, kw_only=True)
class TakenCall:
    """One tool call. `code` is '' for a call that succeeded; `turn` counts from 0."""

    name: str
    args: Mapping[str, Any]
    ok: bool
    code: str
    content: str
    step: int
    turn: int

    @property
    def is_valid(self) -> bool:
        """Whether the model wrote a call that can be read: a known tool with the right arguments."""
        return self.code not in ("bad_call", "bad_arguments")


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """`before` and `after`: the files of the folder by their path. `odd`: entries that are no regular file or are too large.

    `answers`: the last text of each turn.
    """

    before: Mapping[str, bytes]
    after: Mapping[str, bytes]
    answers: tuple[str, ...]
    calls: tuple[TakenCall, ...] = ()
    odd: tuple[str, ...] = field(default=())

    @property
    def answer(self) -> str:
        """The text of the last turn; '' when there is none."""
        return self.answers[-1] if self.answers else ""


def calls_of(turns: list[Turn]) -> tuple[TakenCall, ...]:
    """Every call of the turns, in order."""
    return tuple(
        _taken(call, number, step.step) for number, turn in enumerate(turns) for step in turn.steps for call in step.calls
    )  # fmt: skip


def answer_of(turn: Turn) -> str:
    """What a turn said last."""
    return next((step.text for step in reversed(turn.steps) if step.text.strip()), "")


def read_folder(folder: Path) -> tuple[dict[str, bytes], tuple[str, ...]]:
    """(the regular files by their path with slashes, what is no regular file or too large). Raises OSError when there is no folder."""
    files: dict[str, bytes] = {}
    odd: list[str] = []
    waiting = [folder]
    while waiting:
        inside = waiting.pop()
        with os.scandir(inside) as entries:
            for entry in sorted(entries, key=lambda each: each.name):
                if entry.name in LEFT_BY_PROGRAMS:
                    continue
                name = Path(entry.path).relative_to(folder).as_posix()
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(Path(entry.path))
                elif len(files) >= FILES_MAX or (content := _read(entry.path)) is None:
                    odd.append(name)
                else:
                    files[name] = content
    return files, tuple(odd)


def _read(path: str) -> bytes | None:
    """The content of a regular file; None for anything else, and for one that is too large."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as handle:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_size > FILE_BYTES_MAX:
            return None
        return handle.read(FILE_BYTES_MAX)


def _taken(call: Call, turn: int, step: int) -> TakenCall:
    ok = call.state == "ok"
    return TakenCall(
        name=call.name, args=call.args, ok=ok, code="" if ok else call.code or call.state, content=call.content, step=step, turn=turn
    )
