"""The functions that execute read_file and list_dir."""

import codecs
import os

from opta_protocol.tools.file_access import ListDir, ReadFile

from ..result import Outcome, ToolProblem
from .encoding import decode, lines_of
from .workspace import Workspace

READ_BYTES_MAX = 64 * 1024
FILE_BYTES_MAX = 8 * 1024 * 1024
LINE_BYTES_MAX = 1024 * 1024
ENTRIES_MAX = 500


def read_file(workspace: Workspace, asked: ReadFile) -> Outcome:
    """The text of a file, or of a range of its lines (from 1, both included)."""
    path, start_line, end_line = asked.path, asked.start_line, asked.end_line
    if start_line is not None or end_line is not None:
        lines, shown = _range(workspace, path, max(1, start_line or 1), end_line)
    else:
        text = decode(_read(workspace, path), path).text
        lines, shown = text.count("\n") + (not text.endswith("\n")), text
    if not shown:
        return Outcome("(empty file)")
    encoded = shown.encode()
    if len(encoded) <= READ_BYTES_MAX:
        return Outcome(shown, lines=shown.count("\n") + (not shown.endswith("\n")))
    half = READ_BYTES_MAX // 2
    head, tail = encoded[:half].decode(errors="ignore"), encoded[-half:].decode(errors="ignore")
    note = f"\n… {len(encoded) - READ_BYTES_MAX} bytes left out; read a range with start_line and end_line …\n"
    return Outcome(head + note + tail, lines=lines, is_truncated=True)


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
        lines.append(f"… {len(names) - ENTRIES_MAX} more")
    return Outcome("\n".join([head, *lines]), lines=len(names), is_truncated=len(names) > ENTRIES_MAX)


def _range(workspace: Workspace, path: str, first: int, last: int | None) -> tuple[int, str]:
    """(number of lines read, the lines `first` to `last`). Reads line by line, so that a large file needs little memory."""
    kept: list[bytes] = []
    size = number = 0
    with os.fdopen(workspace.open_regular(path), "rb") as handle:
        start = handle.read(4)
        handle.seek(0)
        if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            lines = lines_of(decode(handle.read(FILE_BYTES_MAX), path).text)
            return len(lines), "".join(lines[first - 1 : last])
        while line := handle.readline(LINE_BYTES_MAX):
            number += 1
            if number >= first and size <= READ_BYTES_MAX * 2:
                kept.append(line)
                size += len(line)
            if last is not None and number >= last:
                break
    if first > max(1, number) or (last is not None and last < first):
        raise ToolProblem(f"{path} has {number} lines; lines {first} to {last if last is not None else number} do not exist")
    return number, decode(b"".join(kept), path).text


def _read(workspace: Workspace, path: str) -> bytes:
    with os.fdopen(workspace.open_regular(path), "rb") as handle:
        size = os.fstat(handle.fileno()).st_size
        if size > FILE_BYTES_MAX:
            raise ToolProblem(f"{path} is too large ({size} bytes); read a range with start_line and end_line, or grep it")
        # The size is limited again, because a file may grow while it is read.
        return handle.read(FILE_BYTES_MAX)
