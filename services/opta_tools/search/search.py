"""search_files (names) and grep (contents) in Python, with a bounded search time."""

import os
import re
import stat
import time
from collections.abc import Iterator

import pathspec

from opta_core import globs
from opta_core.policy.actions import is_secret
from opta_protocol.tools.searching import Grep, SearchFiles

from ..files.workspace import PathProblem, Workspace
from ..result import Outcome, ToolProblem
from . import answers
from .answers import MATCHES_MAX

FILES_MAX = 200_000
FILE_BYTES_MAX = 2 * 1024 * 1024
LINE_CHARS_MAX = 2_000
SHOWN_CHARS_MAX = 300
DEADLINE_S = 20.0

IGNORE_BYTES_MAX = 64 * 1024
_Ignored = tuple[tuple[str, pathspec.GitIgnoreSpec], ...]

SKIPPED_FOLDERS = frozenset({".git", "node_modules", ".venv", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hg", ".svn"})


def search_files(workspace: Workspace, asked: SearchFiles) -> Outcome:
    """Execute search_files: the files whose name matches a glob; a glob with a slash is matched against the path."""
    pattern, path = asked.pattern, asked.path
    glob = glob_pattern(pattern if any(c in pattern for c in "*?[") else f"*{pattern}*")
    by_path = "/" in pattern
    found: list[str] = []
    total = 0
    for name in _walk(workspace, path):
        if glob.match(name if by_path else name.rsplit("/", 1)[-1]):
            total += 1
            if len(found) < MATCHES_MAX:
                found.append(name)
    return answers.names(pattern, found, total)


def grep(workspace: Workspace, asked: Grep) -> Outcome:
    """Execute grep: the lines that match a regular expression. A pattern that is invalid or may take very long is taken literally."""
    pattern, path = asked.pattern, asked.path
    matcher = compile_safely(pattern, re.IGNORECASE if asked.ignore_case else 0)
    name_fits = glob_pattern(asked.glob) if asked.glob else None
    found: list[str] = []
    total = 0
    for name in _files_to_grep(workspace, path):
        base = name.rsplit("/", 1)[-1]
        if (name_fits and not name_fits.match(base)) or is_secret(base):
            continue
        for number, line in _text_lines(workspace, name):
            if matcher.search(line[:LINE_CHARS_MAX]):
                total += 1
                if len(found) < MATCHES_MAX:
                    found.append(f"{name}:{number}: {line.strip()[:SHOWN_CHARS_MAX]}")
    return answers.matches(pattern, found, total)


def compile_safely(pattern: str, flags: int) -> re.Pattern[str]:
    """Compile a pattern. One with nested or many unbounded repeats is compiled as literal text, which bounds the time of a match.

    Raises ToolProblem when the pattern is too long.
    """
    if len(pattern) > 1000:
        raise ToolProblem("the pattern is longer than 1,000 characters")
    nested = re.search(r"\([^()]*[*+{|][^()]*\)\s*[*+{]", pattern) or re.search(r"\\\d|\(\?[P<=!]", pattern)
    unbounded = len(re.findall(r"(?<!\\)[*+]|\{\d+,\}", pattern))
    deep = re.search(r"\([^()]*\([^()]*[*+{]", pattern)
    try:
        if nested or deep or unbounded > 3:
            raise re.error("too complex")
        return re.compile(pattern, flags)
    except (re.error, ValueError, OverflowError):
        return re.compile(re.escape(pattern), flags)


def is_costly(pattern: str, glob: str | None = None) -> bool:
    """Whether matching may take long: a pattern with more than one repeat, or a glob with many stars.

    A match in Python holds the interpreter, so such a search runs in a separate process that can be killed.
    """
    return len(re.findall(r"[*+{]", pattern)) > 1 or (glob is not None and glob.count("*") > 3)


def glob_pattern(pattern: str) -> re.Pattern[str]:
    """Compile a glob (`opta_core.globs`). Raises ToolProblem."""
    try:
        return globs.compiled(pattern)
    except ValueError as error:
        raise ToolProblem(str(error)) from None


def _files_to_grep(workspace: Workspace, path: str) -> Iterator[str]:
    try:
        os.close(workspace.open_regular(path))
        yield workspace.relative(path)
    except PathProblem as problem:
        if "is a folder" not in str(problem):
            raise
        yield from _walk(workspace, path)


def _walk(workspace: Workspace, path: str) -> Iterator[str]:
    """The files below `path` as paths relative to the workspace, in order of their names. Symbolic links are not followed.

    Raises ToolProblem after DEADLINE_S seconds or FILES_MAX files.
    """
    deadline = time.monotonic() + DEADLINE_S
    base = workspace.relative(path)
    os.close(workspace.open(base, os.O_RDONLY | os.O_DIRECTORY))
    waiting: list[tuple[str, _Ignored]] = [(base, ())]
    seen = 0
    while waiting:
        folder, ignored = waiting.pop()
        try:
            descriptor = workspace.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        except PathProblem:
            continue
        try:
            ignored = _with_ignore_file(descriptor, folder, ignored)
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
                if entry.name not in SKIPPED_FOLDERS and not _is_ignored(f"{name}/", ignored):
                    below.append((name, ignored))
            elif not _is_ignored(name, ignored):
                seen += 1
                yield name
        waiting.extend(reversed(below))
        if seen > FILES_MAX or time.monotonic() > deadline:
            raise ToolProblem(f"{path} holds too many files to search; give a narrower path")


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


def _text_lines(workspace: Workspace, name: str) -> Iterator[tuple[int, str]]:
    try:
        descriptor = workspace.open_regular(name)
    except PathProblem:
        return
    with os.fdopen(descriptor, "rb") as handle:
        content = handle.read(FILE_BYTES_MAX)
    if b"\0" in content[:8192]:
        return
    yield from enumerate(content.decode(errors="replace").split("\n"), 1)
