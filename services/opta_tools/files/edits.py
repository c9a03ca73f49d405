"""write_file, edit_file and multi_edit: compute the new content as a draft, then write it atomically.

A draft that was shown to a person is written only if the file still has the content that the draft was made from.
"""

import contextlib
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
from .line_matching import unified_diff
from .workspace import PathProblem, Workspace

FILE_BYTES_MAX = 8 * 1024 * 1024
# Limits of a diff. A person is shown the complete diff or none (characters); a model and the journal get it truncated (lines, characters).
SHOWN_CHARS_MAX = 1024 * 1024
DIFF_LINES_MAX, DIFF_CHARS_MAX = 400, 32 * 1024
NO_FILE = "none"
_ODD = re.compile("[\udc80-\udcff]")


@dataclass(frozen=True)
class Draft:
    """A write that has not been made: contents before (None: no file) and after, a sentence about it, and its line or match count."""

    path: str
    before: bytes | None
    after: bytes
    said: str
    lines: int

    @property
    def expects(self) -> str:
        """sha256 of the content that this draft was made from; NO_FILE when there was no file."""
        return NO_FILE if self.before is None else digest(self.before)

    @property
    def diff(self) -> str:
        """The diff for the model and the journal, truncated when it is long."""
        return _cut([line.rstrip("\r") for line in _diff(self.path, self.before or b"", self.after)])

    @property
    def uncut_diff(self) -> str:
        """The complete diff, without carriage returns; '' for binary content."""
        return "\n".join(line.rstrip("\r") for line in _diff(self.path, self.before or b"", self.after))

    @property
    def whole_diff(self) -> str:
        """The complete diff that a person approves, with carriage returns; '' for binary content. Raises ToolProblem if it is too long."""
        diff = "\n".join(_diff(self.path, self.before or b"", self.after))
        if len(diff) > SHOWN_CHARS_MAX:
            raise ToolProblem(
                f"the change of {self.path} is too large to be shown to a person completely ({len(diff)} characters of diff, "
                f"at most {SHOWN_CHARS_MAX}), so nobody can approve it; make it in smaller steps",
                "too_large",
            )
        return diff

    @property
    def writing(self) -> Writing:
        """Sizes and hashes before and after the write, and a note about what the diff does not show."""
        before = self.before or b""
        return Writing(
            bytes=len(self.after),
            sha256=digest(self.after),
            bytesBefore=len(before),
            sha256Before="" if self.before is None else digest(before),
            note=_note(self.path, self.before, self.after),
        )


def write_file(workspace: Workspace, asked: WriteFile) -> Draft:
    """The draft of a whole new content, in the encoding and with the line ends of the existing file. Raises ToolProblem, PathProblem."""
    path, content = asked.path, asked.content
    before = read_existing(workspace, path)
    text = DecodedText("")
    if before:
        with contextlib.suppress(ToolProblem):
            text = decode(before, path)
    if text.mark:
        content = content.removeprefix("\ufeff")
    if text.newline != "\n" and text.newline not in content:
        content = content.replace("\n", text.newline)
    lines = content.count("\n") + (bool(content) and not content.endswith("\n"))
    after = text.encode(content, path)
    return Draft(path, before, after, f"{'Created' if before is None else 'Wrote'} {path} ({lines} lines)", lines)


def edit_file(workspace: Workspace, asked: EditFile) -> Draft:
    """The draft of one replacement. Raises ToolProblem, PathProblem."""
    return _edited(workspace, asked.path, [Edit(old=asked.old, new=asked.new, all=asked.all)])


def multi_edit(workspace: Workspace, asked: MultiEdit) -> Draft:
    """The draft of several replacements, applied one after the other; all or none. Raises ToolProblem, PathProblem."""
    return _edited(workspace, asked.path, asked.edits)


def _edited(workspace: Workspace, path: str, edits: list[Edit]) -> Draft:
    before = read_existing(workspace, path)
    if before is None:
        raise ToolProblem(f"no such file: {path}")
    original = decode(before, path)
    text, count, forgiven = original.text, 0, set[str]()
    for number, edit in enumerate(edits, 1):
        old, new = edit.old, edit.new
        if original.newline != "\n" and original.newline not in old:
            old, new = (given.replace("\r\n", "\n").replace("\n", original.newline) for given in (old, new))
        try:
            matches = find(text, old, new, path, everywhere=edit.all)
        except ToolProblem as problem:
            where = f"edit {number} of {len(edits)}: " if len(edits) > 1 else ""
            raise ToolProblem(f"{where}{problem}{' Nothing was changed.' if len(edits) > 1 else ''}", problem.code) from None
        text = apply(text, matches)
        count += len(matches)
        forgiven |= {match.tolerated for match in matches if match.tolerated}
    after = original.encode(text, path)
    note = f", {' and '.join(sorted(forgiven))} ignored" if forgiven else ""
    return Draft(path, before, after, f"Edited {path} ({count} {'place' if count == 1 else 'places'}{note})", count)


def put(workspace: Workspace, draft: Draft) -> Outcome:
    """Write a draft to a temporary file, sync and rename it, so that readers see the old file or the new one. Raises ToolProblem."""
    new_folders = _missing_folders(workspace, draft.path)
    mode = f"{stat.S_IFREG | _replace(workspace, draft.path, draft.after):o}"
    diff = draft.diff
    change = Change(
        path=workspace.relative(draft.path),
        before="" if draft.before is None else digest(draft.before),
        after=digest(draft.after),
        diff=diff,
        beforeMode="" if draft.before is None else mode,
        afterMode=mode,
    )
    content = draft.said if draft.before is None or draft.said.startswith("Wrote") else f"{draft.said}\n{diff}"
    return Outcome(content, lines=draft.lines, changes=[*new_folders, change])


def _missing_folders(workspace: Workspace, path: str) -> list[Change]:
    """The folders above a path that do not exist, as changes that make them."""
    made: list[Change] = []
    folder = workspace.relative(path).rpartition("/")[0]
    while folder:
        try:
            os.close(workspace.open(folder, os.O_RDONLY | os.O_DIRECTORY, follows=False))
            break
        except PathProblem as problem:
            if not isinstance(problem.__cause__, FileNotFoundError):
                break
        made.append(Change(path=folder, afterMode=f"{stat.S_IFDIR | 0o700:o}"))
        folder = folder.rpartition("/")[0]
    return made[::-1]


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
    """sha256 of a content, as events name it."""
    return hashlib.sha256(content).hexdigest()


def _replace(workspace: Workspace, path: str, after: bytes) -> int:
    """Replace a file's content; its permissions. Raises ToolProblem, PathProblem."""
    folder, name = workspace.open_parent(path, create=True)
    part = f".{name[:80]}.{secrets.token_hex(4)}"
    try:
        # A new file gets the mode that the user's shell would give it, instead of the mode that the daemon's umask 077 leads to.
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
            return mode
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(part, dir_fd=folder)
            raise
    except OSError as error:
        raise ToolProblem(f"{path} could not be written: {(error.strerror or str(error)).lower()}") from error
    finally:
        os.close(folder)


def diff_lines(content: bytes, path: str) -> list[str]:
    """The lines of a content as diffs show them. Raises ToolProblem when it is not text."""
    return _shown_lines(_in_events(decode(content, path).text))


def _shown_lines(text: str) -> list[str]:
    """Lines without their ends. A last line without a line break is marked on a line of its own, as diff and git do: no line can look like it."""
    lines = text.split("\n")
    return [*lines[:-1], f"{lines[-1]}\n\\ No newline at end of file"] if lines[-1] else lines[:-1]


def _diff(path: str, before: bytes, after: bytes) -> list[str]:
    """The lines of a unified diff; none when one of the contents is not text."""
    try:
        old, new = (diff_lines(content, path) for content in (before, after))
    except ToolProblem:
        return []
    return [part for line in unified_diff(old, new, f"a/{path}", f"b/{path}") for part in line.split("\n")]


def _in_events(text: str) -> str:
    """Replace bytes that are not text by their hexadecimal value, because events are UTF-8."""
    return _ODD.sub(lambda match: f"\\x{ord(match[0]) - 0xDC00:02x}", text)


def _cut(lines: list[str]) -> str:
    if len(lines) > DIFF_LINES_MAX:
        lines = [*lines[:DIFF_LINES_MAX], f"… {len(lines) - DIFF_LINES_MAX} more lines"]
    text = "\n".join(lines)
    return text if len(text) <= DIFF_CHARS_MAX else text[:DIFF_CHARS_MAX] + "\n… the rest of the diff is left out"


def _note(path: str, before: bytes | None, after: bytes) -> str:
    """What a diff does not show: encodings, new files, binary content."""
    try:
        texts = [decode(content, path) for content in (before or b"", after)]
    except ToolProblem as problem:
        return f"No diff: {problem}. The whole content is replaced."
    notes = [f"{path} does not exist yet." if before is None else ""]
    if before == after:
        notes.append("Nothing changes: the file already has this content.")
    if before is not None and (texts[0].encoding, texts[0].mark) != (texts[1].encoding, texts[1].mark):
        notes.append(f"The encoding changes from {_named(texts[0])} to {_named(texts[1])}.")
    elif texts[1].encoding != "utf-8" or texts[1].mark:
        notes.append(f"The encoding is {_named(texts[1])}.")
    if any(_ODD.search(text.text) for text in texts):
        notes.append("Bytes that are not text are shown as \\x and their hexadecimal value.")
    return " ".join(filter(None, notes))


def _named(text: DecodedText) -> str:
    return text.encoding + (" with a byte order mark" if text.mark else "")
