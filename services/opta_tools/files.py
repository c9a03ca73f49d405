"""read_file and list_dir."""

import os

from .beneath import Workspace
from .outcome import Outcome, ToolProblem
from .text import decode, lines_of

READ_BYTES_MAX = 64 * 1024
FILE_BYTES_MAX = 8 * 1024 * 1024
# Of a file larger than that, only ranges of lines are read.
SCANNED_BYTES_MAX = 256 * 1024 * 1024
ENTRIES_MAX = 500


def read_file(workspace: Workspace, path: str, start_line: int | None = None, end_line: int | None = None) -> Outcome:
    """The text of a file, or of a range of its lines (from 1, both included)."""
    content = _read(workspace, path, is_range=start_line is not None or end_line is not None)
    text = decode(content, path)
    lines = lines_of(text.text)
    shown = text.text
    if start_line is not None or end_line is not None:
        first, last = max(1, start_line or 1), end_line if end_line is not None else len(lines)
        if first > max(1, len(lines)) or last < first:
            raise ToolProblem(f"{path} has {len(lines)} lines; lines {first} to {last} are not there")
        shown = "".join(lines[first - 1 : last])
    if not shown:
        return Outcome("(empty file)")
    encoded = shown.encode()
    if len(encoded) <= READ_BYTES_MAX:
        return Outcome(shown, lines=shown.count("\n") + (not shown.endswith("\n")))
    half = READ_BYTES_MAX // 2
    head, tail = encoded[:half].decode(errors="ignore"), encoded[-half:].decode(errors="ignore")
    note = f"\n… {len(encoded) - READ_BYTES_MAX} bytes left out; read a range with start_line and end_line …\n"
    return Outcome(head + note + tail, lines=len(lines), is_truncated=True)


def list_dir(workspace: Workspace, path: str = ".") -> Outcome:
    """The entries of a folder, folders first with a closing slash."""
    descriptor = workspace.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with os.scandir(descriptor) as entries:
            names = sorted((not entry.is_dir(follow_symlinks=False), entry.name) for entry in entries)
    finally:
        os.close(descriptor)
    shown = [f"{name}{'' if is_file else '/'}" for is_file, name in names[:ENTRIES_MAX]]
    head = f"{len(names) or 'no'} {'entry' if len(names) == 1 else 'entries'} in {path}"
    if len(names) > ENTRIES_MAX:
        shown.append(f"… {len(names) - ENTRIES_MAX} more")
    return Outcome("\n".join([head, *shown]), lines=len(names), is_truncated=len(names) > ENTRIES_MAX)


def _read(workspace: Workspace, path: str, *, is_range: bool) -> bytes:
    descriptor = workspace.open_regular(path)
    limit = SCANNED_BYTES_MAX if is_range else FILE_BYTES_MAX
    with os.fdopen(descriptor, "rb") as handle:
        size = os.fstat(descriptor).st_size
        if size > limit:
            mend = "grep it instead" if is_range else "read a range with start_line and end_line, or grep it"
            raise ToolProblem(f"{path} is too large ({size} bytes); {mend}")
        # A file that grows while it is read ends here too.
        return handle.read(limit)
