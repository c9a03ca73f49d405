"""read_file, list_dir, write_file, edit_file."""

import contextlib
import difflib
import hashlib
import os
import re
import secrets
import stat

from opta_protocol.events import Change

from .beneath import PathProblem, Workspace
from .outcome import Outcome, ToolProblem

READ_BYTES_MAX = 64 * 1024
FILE_BYTES_MAX = 8 * 1024 * 1024
ENTRIES_MAX = 500
DIFF_LINES_MAX, DIFF_CHARS_MAX = 400, 32 * 1024


def read_file(workspace: Workspace, path: str, start_line: int | None = None, end_line: int | None = None) -> Outcome:
    """The text of a file, or of a range of its lines (from 1, both included)."""
    text = _read_text(workspace, path)
    lines = text.splitlines(keepends=True)
    if start_line is not None or end_line is not None:
        first, last = max(1, start_line or 1), end_line if end_line is not None else len(lines)
        if first > max(1, len(lines)) or last < first:
            raise ToolProblem(f"{path} has {len(lines)} lines; lines {first} to {last} are not there")
        text = "".join(lines[first - 1 : last])
    if not text:
        return Outcome("(empty file)")
    content = text.encode()
    if len(content) <= READ_BYTES_MAX:
        return Outcome(text, lines=text.count("\n") + (not text.endswith("\n")))
    half = READ_BYTES_MAX // 2
    head, tail = content[:half].decode(errors="ignore"), content[-half:].decode(errors="ignore")
    note = f"\n… {len(content) - READ_BYTES_MAX} bytes left out; read a range with start_line and end_line …\n"
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


def write_file(workspace: Workspace, path: str, content: str) -> Outcome:
    """Create or replace a file at once."""
    before = _existing(workspace, path)
    change = _replace(workspace, path, before, content.encode())
    words = "Created" if before is None else "Wrote"
    lines = content.count("\n") + (bool(content) and not content.endswith("\n"))
    return Outcome(f"{words} {path} ({lines} lines)", lines=lines, changes=[change])


def edit_file(workspace: Workspace, path: str, old: str, new: str, all: bool = False) -> Outcome:
    """Replace `old` by `new`: exactly, else with other whitespace, and never when more than one place fits."""
    if not old:
        raise ToolProblem("old is empty; use write_file to create a file")
    before = _existing(workspace, path)
    if before is None:
        raise ToolProblem(f"no such file: {path}")
    text = _decode(before, path)
    if old == new:
        raise ToolProblem("old and new are the same; nothing to do")
    count = text.count(old)
    if count > 1 and not all:
        raise ToolProblem(f"old fits {count} places in {path}; give more lines around it, or all=true")
    if count:
        edited = text.replace(old, new)
    else:
        start, end, new = _tolerant_match(text, old, new, path)
        edited, count = text[:start] + new + text[end:], 1
    change = _replace(workspace, path, before, edited.encode())
    return Outcome(f"Edited {path} ({count} {'place' if count == 1 else 'places'})\n{change.diff}", lines=count, changes=[change])


def _tolerant_match(text: str, old: str, new: str, path: str) -> tuple[int, int, str]:
    """Where `old` fits when leading and trailing whitespace of lines is ignored; `new` comes back re-indented."""
    lines = text.splitlines(keepends=True)
    wanted = [line.strip() for line in old.strip("\n").splitlines()]
    if not any(wanted):
        raise ToolProblem("old holds only whitespace")
    starts = [at for at in range(len(lines) - len(wanted) + 1) if [line.strip() for line in lines[at : at + len(wanted)]] == wanted]
    if not starts:
        near = difflib.get_close_matches(wanted[0], [line.strip() for line in lines], 1, 0.6)
        hint = f" The nearest line is: {near[0]}" if near else ""
        raise ToolProblem(f"old is not in {path}; read the file again and copy the lines exactly.{hint}")
    if len(starts) > 1:
        raise ToolProblem(f"old fits {len(starts)} places in {path} when whitespace is ignored; give more lines around it")
    found = lines[starts[0] : starts[0] + len(wanted)]
    begin = sum(len(line) for line in lines[: starts[0]])
    end = begin + sum(len(line) for line in found)
    ending = "\n" if found[-1].endswith("\n") else ""
    return begin, end, _reindent(old, new, found).rstrip("\n") + (ending if new.strip() else "")


def _reindent(old: str, new: str, found: list[str]) -> str:
    given = next((_indent(line) for line in old.strip("\n").splitlines() if line.strip()), "")
    real = next((_indent(line) for line in found if line.strip()), "")
    if given == real:
        return new
    moved = [real + line[len(given) :] if line.startswith(given) and line.strip() else line for line in new.strip("\n").splitlines()]
    return "\n".join(moved)


def _indent(line: str) -> str:
    match = re.match(r"[ \t]*", line)
    return match.group() if match else ""


def _read_text(workspace: Workspace, path: str) -> str:
    descriptor = workspace.open_regular(path)
    with os.fdopen(descriptor, "rb") as handle:
        if os.fstat(descriptor).st_size > FILE_BYTES_MAX:
            raise ToolProblem(f"{path} is too large ({os.fstat(descriptor).st_size} bytes); grep it instead")
        return _decode(handle.read(FILE_BYTES_MAX), path)


def _decode(content: bytes, path: str) -> str:
    try:
        if b"\0" in content[:8192]:
            raise ValueError
        return content.decode()
    except ValueError:
        raise ToolProblem(f"{path} is not a text file") from None


def _existing(workspace: Workspace, path: str) -> bytes | None:
    try:
        descriptor = workspace.open_regular(path)
    except PathProblem as problem:
        if isinstance(problem.__cause__, FileNotFoundError):
            return None
        raise
    with os.fdopen(descriptor, "rb") as handle:
        if os.fstat(descriptor).st_size > FILE_BYTES_MAX:
            raise ToolProblem(f"{path} is too large to change")
        return handle.read()


def _replace(workspace: Workspace, path: str, before: bytes | None, after: bytes) -> Change:
    """Write beside the file, sync, rename: readers see the old file or the new one."""
    folder, name = workspace.open_parent(path, create=True)
    part = f".{name[:80]}.{secrets.token_hex(4)}"
    try:
        mode = 0o666
        try:
            existing = os.stat(name, dir_fd=folder, follow_symlinks=False)
            if stat.S_ISLNK(existing.st_mode):
                raise ToolProblem(f"{path} is a symbolic link; write to its target instead")
            mode = stat.S_IMODE(existing.st_mode)
        except FileNotFoundError:
            mode &= ~_umask()
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=folder)
        try:
            with os.fdopen(descriptor, "wb") as handle:
                handle.write(after)
                handle.flush()
                os.fchmod(descriptor, mode)
                os.fsync(descriptor)
            os.rename(part, name, src_dir_fd=folder, dst_dir_fd=folder)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(part, dir_fd=folder)
            raise
    except OSError as error:
        raise ToolProblem(f"{path} could not be written: {(error.strerror or str(error)).lower()}") from error
    finally:
        os.close(folder)
    return Change(path=path, before=_digest(before), after=_digest(after), diff=_diff(path, before or b"", after))


def _digest(content: bytes | None) -> str:
    return "" if content is None else hashlib.sha256(content).hexdigest()


def _umask() -> int:
    # Files of the workspace get what the user's shell would give them, not the daemon's 077.
    return 0o022


def _diff(path: str, before: bytes, after: bytes) -> str:
    try:
        old, new = before.decode().splitlines(), after.decode().splitlines()
    except UnicodeDecodeError:
        return ""
    lines = list(difflib.unified_diff(old, new, f"a/{path}", f"b/{path}", lineterm=""))
    if len(lines) > DIFF_LINES_MAX:
        lines = [*lines[:DIFF_LINES_MAX], f"… {len(lines) - DIFF_LINES_MAX} more lines"]
    text = "\n".join(lines)
    return text if len(text) <= DIFF_CHARS_MAX else text[:DIFF_CHARS_MAX] + "\n… the rest of the diff is left out"
