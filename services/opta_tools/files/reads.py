"""The functions that execute read_file and list_dir."""

import os
import time
from dataclasses import replace
from typing import IO

import msgspec

from opta_protocol.tools.file_access import ListDir, ReadFile

from ..result import Outcome, ToolProblem
from . import numbered
from .encoding import DecodedText, decode, describe
from .numbered import READ_BYTES_MAX, Lines
from .sightings import Sight, sha256_of, stamp_of
from .workspace import PathProblem, Workspace

# A larger file is not held in memory.
FILE_BYTES_MAX = 8 * 1024 * 1024
WINDOW_BYTES = 4 * READ_BYTES_MAX
CHUNK_BYTES = 1024 * 1024
# How long the lines of a large file are counted.
COUNT_S = 5.0
ENTRIES_MAX = 500


def read_file(workspace: Workspace, asked: ReadFile) -> Outcome:
    """The text of a file, or of a range of its lines (from 1, both included), with line numbers."""
    try:
        descriptor = workspace.open_regular(asked.path)
    except PathProblem as problem:
        if str(problem) == f"{asked.path} is a folder":
            raise PathProblem(f"{problem}; see what it holds with list_dir") from problem
        raise
    with os.fdopen(descriptor, "rb") as handle:
        outcome = read_handle(handle, asked.path, asked.start_line, asked.end_line)
        if outcome.sight is not None:
            outcome.sight = msgspec.structs.replace(outcome.sight, path=workspace.real_path(descriptor, asked.path))
        return outcome


def read_handle(handle: IO[bytes], name: str, start_line: int | None, end_line: int | None) -> Outcome:
    """Lines of an opened file that messages call `name`. Raises ToolProblem."""
    first, found = start_line or 1, os.fstat(handle.fileno())
    size, sha256 = found.st_size, ""
    if end_line is not None and end_line < first:
        raise ToolProblem(f"end_line {end_line} comes before start_line {first}; give the smaller number first")
    if size > FILE_BYTES_MAX:
        text, lines = _window(handle, name, first, end_line)
    else:
        # The size is limited again, because a file may grow while it is read.
        content = handle.read(FILE_BYTES_MAX)
        text, sha256 = decode(content, name), sha256_of(content)
        whole, has_end = numbered.split(text)
        lines = Lines(whole[first - 1 : end_line], first, len(whole), has_end=has_end)
    if not lines.total:
        return Outcome("(empty file)", sight=Sight(name, stamp_of(found), sha256))
    if not lines.shown:
        raise ToolProblem(f"{name} has {lines.total} {'line' if lines.total == 1 else 'lines'}, so there is no line {first}")
    shown = numbered.number(lines, describe(text, name), "read on with start_line=")
    is_cut = shown.is_cut or shown.last < min(end_line or lines.total, lines.total)
    # Of a line that is cut, something was not seen; alone it is shown as far as any line can be.
    total = 0 if shown.has_cut_lines and len(lines.shown) > 1 else lines.total
    sight = Sight(name, stamp_of(found), sha256, lines.first, shown.last, total)
    return Outcome(shown.text, lines=shown.last - lines.first + 1, is_truncated=is_cut, sight=sight)


def _window(handle: IO[bytes], name: str, first: int, last: int | None) -> tuple[DecodedText, Lines]:
    """The lines from `first` on of a large file, as many as a model reads at once, and how many lines there are."""
    start = handle.read(CHUNK_BYTES)
    # Refuses what is not text before gigabytes of it are counted.
    if decode(start[: start.rfind(b"\n") + 1] or start, name).encoding.startswith("utf-16"):
        raise ToolProblem(f"{name} is UTF-16 text and too large to be read; convert it first, for example with iconv")
    handle.seek(0)
    wanted, lines = window(handle, name, first, last)
    text = decode(wanted, name)
    return text, replace(lines, shown=numbered.split(text)[0] if wanted else [])


def window(handle: IO[bytes], name: str, first: int, last: int | None) -> tuple[bytes, Lines]:
    """(the bytes of the lines from `first` on, as many as a model reads at once, those lines still without their text). Raises ToolProblem."""
    deadline = time.monotonic() + COUNT_S
    missing = _skip(handle, first - 1, deadline)
    if missing and time.monotonic() > deadline:
        raise ToolProblem(f"{name} is so large that line {first} was not reached; search in it with grep, or use a command such as tail")
    found = handle.read(WINDOW_BYTES)
    kept = found[: found.rfind(b"\n") + 1] or found if len(found) == WINDOW_BYTES else found
    handle.seek(len(kept) - len(found), os.SEEK_CUR)
    wanted = kept if last is None else b"\n".join(kept.split(b"\n", last - first + 1)[: last - first + 1])
    breaks = first - 1 - missing + kept.count(b"\n")
    more, is_exact = _count(handle, deadline)
    handle.seek(-1, os.SEEK_END)
    has_end = handle.read(1) == b"\n"
    return wanted, Lines([], first, breaks + more + (is_exact and not has_end), is_exact, has_end)


def _skip(handle: IO[bytes], breaks: int, deadline: float) -> int:
    """Move behind so many line breaks; how many of them there were not, or were not reached in time."""
    while breaks and time.monotonic() < deadline and (chunk := handle.read(CHUNK_BYTES)):
        found = chunk.count(b"\n")
        if found >= breaks:
            handle.seek(-len(chunk.split(b"\n", breaks)[-1]), os.SEEK_CUR)
            return 0
        breaks -= found
    return breaks


def _count(handle: IO[bytes], deadline: float) -> tuple[int, bool]:
    """(line breaks in the rest of a file, whether all of it was read in time)."""
    breaks = 0
    while chunk := handle.read(CHUNK_BYTES):
        breaks += chunk.count(b"\n")
        if time.monotonic() > deadline:
            return breaks, False
    return breaks, True


def list_dir(workspace: Workspace, asked: ListDir) -> Outcome:
    """The entries of a folder. Folders come first and end with a slash."""
    path = asked.path
    descriptor = workspace.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with os.scandir(descriptor) as entries:
            base = workspace.relative(path)
            shown = (entry for entry in entries if base != "." or workspace.shows(entry.name))
            names = sorted((not entry.is_dir(follow_symlinks=False), entry.name) for entry in shown)
    finally:
        os.close(descriptor)
    lines = [f"{name}{'' if is_file else '/'}" for is_file, name in names[:ENTRIES_MAX]]
    head = f"{len(names) or 'no'} {'entry' if len(names) == 1 else 'entries'} in {path}"
    if len(names) > ENTRIES_MAX:
        head += f" (first {ENTRIES_MAX} shown; find the others with search_files)"
    return Outcome("\n".join([head, *lines]), lines=len(names), is_truncated=len(names) > ENTRIES_MAX)
