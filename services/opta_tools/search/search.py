"""search_files (names) and grep (contents) in Python, with a bounded search time."""

import os
import re
import stat
import time
from collections.abc import Callable, Iterable, Iterator
from typing import IO

import pathspec

from opta_core.policy.actions import is_secret
from opta_protocol.tools.searching import Grep, SearchFiles

from ..files.encoding import decode
from ..files.workspace import PathProblem, Workspace
from ..result import Outcome, ToolProblem
from . import answers, search_pattern
from .answers import KEPT_MAX, Unsearched, around
from .name_glob import NameGlob

FILES_MAX = 200_000
# A larger file is read in blocks.
FILE_BYTES_MAX = 8 * 1024 * 1024
BLOCK_BYTES = LINE_BYTES_MAX = 1024 * 1024
# In a longer line, a pattern is matched against overlapping parts of this length.
LINE_CHARS_MAX = 2_000
DEADLINE_S = 20.0
# For what is looked at when nothing was found.
SECOND_LOOK_S = 2.0

IGNORE_BYTES_MAX = 64 * 1024
_Ignored = tuple[tuple[str, pathspec.GitIgnoreSpec], ...]

SKIPPED_FOLDERS = frozenset({".git", "node_modules", ".venv", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hg", ".svn"})
# Never searched, also when nothing was found elsewhere.
NEVER_SEARCHED = frozenset({".git", ".hg", ".svn"})
IGNORED_ABOUT = " (in files that git ignores or in folders such as node_modules; there is none elsewhere)"
LOOSE_ABOUT = " (at any depth, in upper or lower case, in what git ignores too; there is none exactly so)"
TOO_LARGE_FOR_LINES = f"not searched for a pattern over several lines, larger than {FILE_BYTES_MAX // 1024**2} MiB"
LARGE_BINARY = f"not searched, binary or UTF-16 and larger than {FILE_BYTES_MAX // 1024**2} MiB"
NOT_ALL = "the search took too long, so not everything was searched; give a narrower path"
IGNORED_UNSEARCHED = "files that git ignores, folders such as node_modules and other encodings were not all searched; name one as path"


def search_files(workspace: Workspace, asked: SearchFiles) -> Outcome:
    """Execute search_files: the files whose name matches a glob; a glob with a slash is matched against the path."""
    base, root, unsearched = workspace.relative(asked.path), workspace.path, Unsearched()
    wanted = name_matcher(asked.pattern, base, root)
    found, about = [name for name in _walk(workspace, asked.path, unsearched) if wanted(name)], ""
    if not found and not unsearched.reasons:
        wanted = name_matcher(asked.pattern, base, root, is_loose=True)
        found = [name for name in _walk(workspace, asked.path, unsearched, is_ignoring=False) if wanted(name)]
        about = LOOSE_ABOUT if found else ""
    return answers.names(asked.pattern, found[:KEPT_MAX], len(found), unsearched.notes(), about)


def names(workspace: Workspace, deadline_s: float) -> tuple[list[str], bool]:
    """(the files of a workspace that git does not ignore, without those that it does not show; whether these are all). Raises PathProblem."""
    unsearched = Unsearched()
    found = list(_walk(workspace, ".", unsearched, deadline_s=deadline_s))
    return found, not unsearched.reasons


def grep(workspace: Workspace, asked: Grep) -> Outcome:
    """Execute grep: the lines that match a regular expression. A pattern that is invalid or may take very long is taken literally."""
    pattern = search_pattern.parsed(asked.pattern)
    return _grep(workspace, asked, pattern, search_pattern.compile_safely(pattern.text, _flags(asked, pattern)), "")


def thorough_grep(workspace: Workspace, asked: Grep) -> Outcome:
    """The same for a process that can be killed: only a pattern that is invalid is taken literally."""
    pattern = search_pattern.parsed(asked.pattern)
    return _grep(workspace, asked, pattern, *search_pattern.compiled(pattern.text, _flags(asked, pattern)))


def name_matcher(pattern: str, base: str, root: str, *, is_loose: bool = False) -> Callable[[str], bool]:
    """Whether a path is meant by the pattern of search_files: a glob, or a part of the name or path.

    `is_loose`: in either case, and at any depth. Raises ToolProblem.
    """
    if any(character in pattern for character in "*?[{!"):
        return NameGlob(pattern, base, root, is_loose=is_loose).matches
    part = pattern.removeprefix(f"{root}/").removeprefix("./")
    part = part.casefold() if is_loose else part

    def contains(path: str) -> bool:
        about = path if "/" in part else path.rsplit("/", 1)[-1]
        return part in (about.casefold() if is_loose else about)

    return contains


def lines_in(text: str, matcher: re.Pattern[str], *, is_over_lines: bool) -> Iterator[tuple[int, str]]:
    """(number, what is shown) of the lines of a text in which a match begins, or over which it reaches."""
    lines = text.split("\n")
    if is_over_lines:
        yield from _over_lines(text, lines, matcher)
        return
    for number, line in enumerate(lines, 1):
        bare = line.removesuffix("\r")
        if (at := _found_at(matcher, bare)) is not None:
            yield number, around(bare, at)


def _flags(asked: Grep, pattern: search_pattern.Pattern) -> int:
    return (re.IGNORECASE if asked.ignore_case else 0) | (re.MULTILINE if pattern.is_over_lines else 0)


def _grep(workspace: Workspace, asked: Grep, pattern: search_pattern.Pattern, matcher: re.Pattern[str], about: str) -> Outcome:
    wanted = NameGlob(asked.glob, workspace.relative(asked.path), workspace.path).matches if asked.glob else None
    found: list[str] = []
    total, where = 0, ""
    unsearched = Unsearched()
    # (whether to leave out what git ignores, expression, what is said of matches).
    looks = [(True, matcher, ""), (False, matcher, IGNORED_ABOUT)]
    if not about and not search_pattern.is_literal(asked.pattern):
        looks.insert(1, (True, re.compile(search_pattern.escaped(asked.pattern), _flags(asked, pattern)), search_pattern.LITERAL_ABOUT))
    for is_ignoring, sought, said in looks:
        where = said
        for name in _files_to_grep(workspace, asked.path, unsearched, is_ignoring=is_ignoring):
            if (wanted and not wanted(name)) or is_secret(name.rsplit("/", 1)[-1]):
                continue
            for number, shown in _matches_in(workspace, name, sought, unsearched, is_over_lines=pattern.is_over_lines):
                total += 1
                if len(found) < KEPT_MAX:
                    found.append(f"{name}:{number}: {shown}")
        if total or unsearched.reasons:
            break
    return answers.matches(asked.pattern, found, total, unsearched.notes(), about + (where if total else ""))


def _matches_in(
    workspace: Workspace, name: str, matcher: re.Pattern[str], unsearched: Unsearched, *, is_over_lines: bool
) -> Iterator[tuple[int, str]]:
    try:
        descriptor = workspace.open_regular(name)
    except PathProblem as problem:
        if isinstance(problem.__cause__, PermissionError):
            unsearched.add("not searched, permission denied", name)
        return
    with os.fdopen(descriptor, "rb") as handle:
        if os.fstat(descriptor).st_size > FILE_BYTES_MAX:
            if is_over_lines:
                unsearched.add(TOO_LARGE_FOR_LINES, name)
            elif b"\0" in handle.peek(8192)[:8192]:
                unsearched.add(LARGE_BINARY, name)
            else:
                yield from _in_large_file(handle, name, matcher, unsearched)
            return
        content = handle.read(FILE_BYTES_MAX)
    text = searchable_text(content, name)
    if text is None:
        if _found_at(matcher, content.decode("latin-1")) is not None:
            unsearched.add("binary files that match", name)
        return
    yield from lines_in(text, matcher, is_over_lines=is_over_lines)


def _in_large_file(handle: IO[bytes], name: str, matcher: re.Pattern[str], unsearched: Unsearched) -> Iterator[tuple[int, str]]:
    """The matches in a file that is read in blocks of whole lines; a line that is longer than a block is searched in parts."""
    deadline = time.monotonic() + DEADLINE_S / 2
    # Text that matches in no block matches in no line of it; with an expression that need not be so.
    is_text = search_pattern.is_literal(matcher.pattern)
    number = 1
    while block := handle.read(BLOCK_BYTES):
        if not block.endswith(b"\n"):
            block += handle.readline(LINE_BYTES_MAX)
        text = block.decode(errors="replace")
        if not is_text or matcher.search(text) is not None:
            for line, shown in lines_in(text.removesuffix("\n"), matcher, is_over_lines=False):
                yield number + line - 1, shown
        number += block.count(b"\n")
        if time.monotonic() > deadline:
            unsearched.add(f"not searched behind line {number}, too large", name)
            return


def searchable_text(content: bytes, name: str) -> str | None:
    """The text of a file, also of one with a few NULs and of UTF-16 without a mark; None for what is not text."""
    try:
        return decode(content, name).text
    except ToolProblem:
        pass
    start = content[:8192]
    nuls = start.count(b"\0")
    for encoding, first in (("utf-16-le", 1), ("utf-16-be", 0)):
        if nuls > len(start) / 4 and start[first::2].count(b"\0") > 0.9 * nuls:
            return content.decode(encoding, errors="replace")
    odd = sum(start.count(code) for code in (*range(9), *range(14, 32)))
    return content.decode(errors="replace") if start.strip(b"\0") and odd * 20 < len(start) else None


def _found_at(matcher: re.Pattern[str], line: str) -> int | None:
    """Where a line matches. A long line is searched in overlapping parts, so that the time grows with its length only."""
    if len(line) <= LINE_CHARS_MAX:
        found = matcher.search(line)
        return None if found is None else found.start()
    for start in range(0, len(line), LINE_CHARS_MAX // 2):
        if (found := matcher.search(line, start, start + LINE_CHARS_MAX)) is not None:
            return found.start()
    return None


def _over_lines(text: str, lines: list[str], matcher: re.Pattern[str]) -> Iterator[tuple[int, str]]:
    shown = 0
    number, at = 1, 0
    for found in matcher.finditer(text):
        number += text.count("\n", at, found.start())
        at = found.start()
        last = number + text.count("\n", at, max(at, found.end() - 1))
        for line in range(max(number, shown + 1), last + 1):
            yield line, around(lines[line - 1].removesuffix("\r"), 0)
        shown = max(shown, last)


def _files_to_grep(workspace: Workspace, path: str, unsearched: Unsearched, *, is_ignoring: bool) -> Iterable[str]:
    try:
        os.close(workspace.open_regular(path))
        return [workspace.relative(path)] if is_ignoring else []
    except PathProblem as problem:
        if "is a folder" not in str(problem):
            raise
        return _walk(workspace, path, unsearched, is_ignoring=is_ignoring)


def _walk(
    workspace: Workspace, path: str, unsearched: Unsearched, *, is_ignoring: bool = True, deadline_s: float = DEADLINE_S
) -> Iterator[str]:
    """The files below `path` as paths relative to the workspace, in order of their names. Symbolic links are not followed.

    `is_ignoring`: leave out what git ignores. Ends after `deadline_s` seconds or FILES_MAX files, and says so in `unsearched`.
    """
    deadline = time.monotonic() + (deadline_s if is_ignoring else SECOND_LOOK_S)
    skipped = SKIPPED_FOLDERS if is_ignoring else NEVER_SEARCHED
    base = workspace.relative(path)
    os.close(workspace.open(base, os.O_RDONLY | os.O_DIRECTORY))
    waiting: list[tuple[str, _Ignored]] = [(base, ())]
    seen = 0
    while waiting:
        folder, ignored = waiting.pop()
        try:
            descriptor = workspace.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        except PathProblem as problem:
            if isinstance(problem.__cause__, PermissionError):
                unsearched.add("not searched, permission denied", f"{folder}/")
            continue
        try:
            ignored = _with_ignore_file(descriptor, folder, ignored) if is_ignoring else ()
            with os.scandir(descriptor) as entries:
                ordered = sorted(entries, key=lambda entry: entry.name)
        finally:
            os.close(descriptor)
        below: list[tuple[str, _Ignored]] = []
        for entry in ordered:
            name = entry.name if folder == "." else f"{folder}/{entry.name}"
            if entry.is_symlink() or not workspace.shows(name):
                continue
            if entry.is_dir(follow_symlinks=False):
                if entry.name not in skipped and not _is_ignored(f"{name}/", ignored):
                    below.append((name, ignored))
            elif not _is_ignored(name, ignored):
                seen += 1
                yield name
                if seen > FILES_MAX or time.monotonic() > deadline:
                    unsearched.reasons.append(NOT_ALL if is_ignoring else IGNORED_UNSEARCHED)
                    return
        waiting.extend(reversed(below))


def _with_ignore_file(descriptor: int, folder: str, above: _Ignored) -> _Ignored:
    """The ignore rules of a folder: those of its parents, then those of its .gitignore."""
    try:
        opened = os.open(".gitignore", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=descriptor)
    except OSError:
        return above
    with os.fdopen(opened, "rb") as handle:
        if not stat.S_ISREG(os.fstat(opened).st_mode):
            return above
        lines = handle.read(IGNORE_BYTES_MAX).decode(errors="replace").split("\n")
    return (*above, (folder, pathspec.GitIgnoreSpec.from_lines(lines)))


def _is_ignored(name: str, ignored: _Ignored) -> bool:
    """Whether git would ignore a path; the deepest .gitignore with a matching rule decides."""
    for folder, rules in reversed(ignored):
        said = rules.check_file(name if folder == "." else name.removeprefix(f"{folder}/")).include
        if said is not None:
            return said
    return False
