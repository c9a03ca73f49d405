"""write_file, edit_file, multi_edit: a new content is worked out first, then put in place at once.

A content that was shown to a person is only written over the file it was worked out from.
"""

import contextlib
import difflib
import hashlib
import os
import re
import secrets
import stat
from dataclasses import dataclass

from opta_protocol.event_parts import Change, Writing
from opta_protocol.tools.file_access import Edit, EditFile, MultiEdit, WriteFile

from ..result import Outcome, ToolProblem
from .edit_match import apply, find
from .encoding import DecodedText, decode
from .workspace import PathProblem, Workspace

FILE_BYTES_MAX = 8 * 1024 * 1024
# Of a diff: how much a person is shown, which is all of it or nothing, and how much a model and the journal get.
SHOWN_CHARS_MAX = 1024 * 1024
DIFF_LINES_MAX, DIFF_CHARS_MAX = 400, 32 * 1024
NO_FILE = "none"
_ODD = re.compile("[\udc80-\udcff]")


@dataclass(frozen=True)
class Draft:
    """What a write would do: contents before (None: no file) and after, and how to say it."""

    path: str
    before: bytes | None
    after: bytes
    said: str
    lines: int

    @property
    def expects(self) -> str:
        """Names the content that this draft was made from."""
        return NO_FILE if self.before is None else digest(self.before)

    @property
    def diff(self) -> str:
        """The change for the model and the journal, cut where it is long."""
        return _cut([line.rstrip("\r") for line in _diff(self.path, self.before or b"", self.after)])

    @property
    def whole_diff(self) -> str:
        """The change as it is approved: every line of it, carriage returns too; '' when there is none to show. Raises ToolProblem."""
        diff = "\n".join(_diff(self.path, self.before or b"", self.after))
        if len(diff) > SHOWN_CHARS_MAX:
            raise ToolProblem(
                f"the change of {self.path} is too large to be shown to a person whole ({len(diff)} characters of diff, "
                f"at most {SHOWN_CHARS_MAX}), so nobody can approve it; make it in smaller steps",
                "too_large",
            )
        return diff

    @property
    def writing(self) -> Writing:
        """Exactly what is there before and after."""
        before = self.before or b""
        return Writing(
            bytes=len(self.after),
            sha256=digest(self.after),
            bytesBefore=len(before),
            sha256Before="" if self.before is None else digest(before),
            note=_note(self.path, self.before, self.after),
        )


def write_file(workspace: Workspace, asked: WriteFile) -> Draft:
    """The whole new content, in the encoding of the file that is there."""
    path, content = asked.path, asked.content
    before = read_existing(workspace, path)
    text = DecodedText("")
    if before:
        with contextlib.suppress(ToolProblem):
            text = decode(before, path)
    if text.mark:
        content = content.removeprefix("\ufeff")
    if text.newline == "\r\n" and "\r\n" not in content:
        content = content.replace("\n", "\r\n")
    lines = content.count("\n") + (bool(content) and not content.endswith("\n"))
    after = text.encode(content, path)
    return Draft(path, before, after, f"{'Created' if before is None else 'Wrote'} {path} ({lines} lines)", lines)


def edit_file(workspace: Workspace, asked: EditFile) -> Draft:
    """One replacement."""
    return _edited(workspace, asked.path, [Edit(old=asked.old, new=asked.new, all=asked.all)])


def multi_edit(workspace: Workspace, asked: MultiEdit) -> Draft:
    """Several replacements, one after the other; all of them, or none."""
    return _edited(workspace, asked.path, asked.edits)


def _edited(workspace: Workspace, path: str, edits: list[Edit]) -> Draft:
    before = read_existing(workspace, path)
    if before is None:
        raise ToolProblem(f"no such file: {path}")
    original = decode(before, path)
    text, count, forgiven = original.text, 0, set[str]()
    for number, edit in enumerate(edits, 1):
        old, new = edit.old, edit.new
        if original.newline == "\r\n" and "\r\n" not in old:
            old, new = old.replace("\n", "\r\n"), new.replace("\r\n", "\n").replace("\n", "\r\n")
        try:
            places = find(text, old, new, path, everywhere=edit.all)
        except ToolProblem as problem:
            where = f"edit {number} of {len(edits)}: " if len(edits) > 1 else ""
            raise ToolProblem(f"{where}{problem}{' Nothing was changed.' if len(edits) > 1 else ''}", problem.code) from None
        text = apply(text, places)
        count += len(places)
        forgiven |= {place.how for place in places if place.how}
    after = original.encode(text, path)
    note = f", {' and '.join(sorted(forgiven))} ignored" if forgiven else ""
    return Draft(path, before, after, f"Edited {path} ({count} {'place' if count == 1 else 'places'}{note})", count)


def put(workspace: Workspace, draft: Draft) -> Outcome:
    """Write a draft: beside the file, synced, renamed, so that readers see the old file or the new one."""
    _replace(workspace, draft.path, draft.after)
    diff = draft.diff
    before = "" if draft.before is None else digest(draft.before)
    change = Change(path=workspace.relative(draft.path), before=before, after=digest(draft.after), diff=diff)
    content = draft.said if draft.before is None or draft.said.startswith("Wrote") else f"{draft.said}\n{diff}"
    return Outcome(content, lines=draft.lines, changes=[change])


def remove(workspace: Workspace, path: str) -> None:
    """Take a file away."""
    folder, name = workspace.open_parent(path, create=False)
    try:
        os.unlink(name, dir_fd=folder)
    finally:
        os.close(folder)


def read_existing(workspace: Workspace, path: str) -> bytes | None:
    """The content of a regular file, None when there is none. Raises ToolProblem, PathProblem."""
    try:
        descriptor = workspace.open_regular(path, follows=False)
    except PathProblem as problem:
        if isinstance(problem.__cause__, FileNotFoundError):
            return None
        raise
    with os.fdopen(descriptor, "rb") as handle:
        content = handle.read(FILE_BYTES_MAX + 1)
    if len(content) > FILE_BYTES_MAX:
        raise ToolProblem(f"{path} is larger than {FILE_BYTES_MAX} bytes and too large to change")
    return content


def digest(content: bytes) -> str:
    """sha256, as events name contents."""
    return hashlib.sha256(content).hexdigest()


def _replace(workspace: Workspace, path: str, after: bytes) -> None:
    folder, name = workspace.open_parent(path, create=True)
    part = f".{name[:80]}.{secrets.token_hex(4)}"
    try:
        # Files of the workspace get what the user's shell would give them, not the daemon's 077.
        mode = 0o644
        try:
            existing = os.stat(name, dir_fd=folder, follow_symlinks=False)
            if stat.S_ISLNK(existing.st_mode):
                raise ToolProblem(f"{path} is a symbolic link; write to its target instead")
            mode = stat.S_IMODE(existing.st_mode)
        except FileNotFoundError:
            pass
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


def _shown_lines(text: str) -> list[str]:
    """Lines without their ends; a last one without an end says so."""
    lines = text.split("\n")
    return [*lines[:-1], f"{lines[-1]} (no line break at the end)"] if lines[-1] else lines[:-1]


def _diff(path: str, before: bytes, after: bytes) -> list[str]:
    """The lines of a unified diff; none when one of the contents is no text."""
    try:
        old, new = (_shown_lines(_in_events(decode(content, path).text)) for content in (before, after))
    except ToolProblem:
        return []
    return list(difflib.unified_diff(old, new, f"a/{path}", f"b/{path}", lineterm=""))


def _in_events(text: str) -> str:
    """Bytes that are no text, by their number: events are UTF-8."""
    return _ODD.sub(lambda match: f"\\x{ord(match[0]) - 0xDC00:02x}", text)


def _cut(lines: list[str]) -> str:
    if len(lines) > DIFF_LINES_MAX:
        lines = [*lines[:DIFF_LINES_MAX], f"… {len(lines) - DIFF_LINES_MAX} more lines"]
    text = "\n".join(lines)
    return text if len(text) <= DIFF_CHARS_MAX else text[:DIFF_CHARS_MAX] + "\n… the rest of the diff is left out"


def _note(path: str, before: bytes | None, after: bytes) -> str:
    """What a diff does not show."""
    try:
        texts = [decode(content, path) for content in (before or b"", after)]
    except ToolProblem as problem:
        return f"No diff: {problem}. All of it is replaced."
    notes = [f"{path} does not exist yet." if before is None else ""]
    if before == after:
        notes.append("Nothing changes: the file holds this already.")
    if before is not None and (texts[0].encoding, texts[0].mark) != (texts[1].encoding, texts[1].mark):
        notes.append(f"The encoding changes from {_named(texts[0])} to {_named(texts[1])}.")
    elif texts[1].encoding != "utf-8" or texts[1].mark:
        notes.append(f"The encoding is {_named(texts[1])}.")
    if any(_ODD.search(text.text) for text in texts):
        notes.append("Bytes that are no text are shown as \\x and their number.")
    return " ".join(filter(None, notes))


def _named(text: DecodedText) -> str:
    return text.encoding + (" with a byte order mark" if text.mark else "")
