"""grep and search_files with ripgrep, where it is installed: it is fast, respects .gitignore, and no pattern makes it hang.

Matches are verified before they are shown: each file is opened again beneath the workspace. So nothing outside is shown when a folder is
replaced by a link during the search.
"""

import asyncio
import contextlib
import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO, Any

from opta_core.policy.actions import is_secret
from opta_core.process.system_programs import find
from opta_protocol.tools.searching import GREP, SEARCH_FILES, Grep, SearchFiles

from ..arguments import arguments
from ..files.workspace import PathProblem, Workspace
from ..result import Outcome, ToolProblem
from ..threads import in_thread
from . import answers, search_pattern
from .answers import KEPT_MAX, Unsearched, around
from .name_glob import NameGlob
from .search import (
    DEADLINE_S,
    FILE_BYTES_MAX,
    IGNORED_ABOUT,
    IGNORED_UNSEARCHED,
    LINE_BYTES_MAX,
    LOOSE_ABOUT,
    NEVER_SEARCHED,
    NOT_ALL,
    SECOND_LOOK_S,
    SKIPPED_FOLDERS,
    lines_in,
    name_matcher,
    searchable_text,
)

OUTPUT_BYTES_MAX, ERROR_BYTES_MAX = 8 * 1024 * 1024, 64 * 1024
# Of a longer line, ripgrep names only the place.
COLUMNS_MAX = 200
# Of a larger file, the places of matches are shown without their text.
READ_BYTES_MAX = 256 * 1024 * 1024
_PLACE = re.compile(rb"(\d+):(\d+):")
_BINARY = re.compile(rb"(.+): binary file matches \(found ")
_DENIED = re.compile(rb"^(?:rg: )?(.+): Permission denied \(os error 13\)$", re.MULTILINE)
_PYTHON_NAMES = {"utf-16le": "utf-16-le", "utf-16be": "utf-16-be", "windows-1252": "cp1252", "euc-kr": "euc_kr"}
_EXECUTE_IN_FOLDER = "import os, sys; os.fchdir(int(sys.argv[1])); os.execv(sys.argv[2], sys.argv[2:])"
_COMMON = ["--no-config", "--no-ignore-messages", "--hidden", "--no-require-git", "--no-follow", "--color=never", "--one-file-system"]


def program() -> str | None:
    """The path of ripgrep; None when it is not installed."""
    return find("rg")


async def run(name: str, args: dict[str, Any], cwd: str, identity: str = "") -> Outcome | None:
    """Execute a search; None for one that the engine in Python has to execute (in a single file). Raises ToolProblem."""
    try:
        workspace = Workspace(cwd, identity)
    except PathProblem as problem:
        raise ToolProblem(str(problem), "path") from problem
    try:
        asked: Grep | SearchFiles = arguments(GREP, args) if name == GREP.name else arguments(SEARCH_FILES, args)
        base = workspace.relative(asked.path)
        try:
            folder = workspace.open(asked.path, os.O_RDONLY | os.O_DIRECTORY)
        except PathProblem:
            return None
        try:
            if isinstance(asked, Grep):
                return await _grep(workspace, asked, base, folder)
            return await _names(workspace, asked, base, folder)
        finally:
            os.close(folder)
    except PathProblem as problem:
        raise ToolProblem(str(problem), "path") from problem
    finally:
        workspace.close()


async def names(workspace: Workspace, deadline_s: float) -> tuple[list[str], bool]:
    """(the files of a workspace that git does not ignore, without those that it does not show; whether these are all). Raises PathProblem."""
    folder = workspace.open(".", os.O_RDONLY | os.O_DIRECTORY)
    try:
        answer = await _rg(["--files", "--null", *_globs(workspace, "."), "."], folder, deadline_s)
    finally:
        os.close(folder)
    return await in_thread(_matching_names, workspace, lambda _: True, ".", answer.output), not answer.is_cut


async def _grep(workspace: Workspace, asked: Grep, base: str, folder: int) -> Outcome | None:
    pattern = search_pattern.parsed(asked.pattern)
    if pattern.looks:
        return None
    wanted = NameGlob(asked.glob, base, workspace.path).matches if asked.glob else None
    options = [
        "--line-number",
        "--column",
        "--null",
        "--no-heading",
        "--with-filename",
        "--crlf",
        f"--max-columns={COLUMNS_MAX}",
        *_types(asked.glob),
        *(["--ignore-case"] if asked.ignore_case else []),
        *(["--multiline"] if pattern.is_over_lines else []),
    ]
    skipped = ["--binary", *_globs(workspace, base)]
    expression, about = ["--regexp", pattern.text], ""
    answer = await _rg([*options, *skipped, *expression, "."], folder)
    if answer.problem:
        about = search_pattern.literally(answer.problem)
        expression = ["--regexp", search_pattern.escaped(asked.pattern)]
        answer = await _rg([*options, *skipped, *expression, "."], folder)
    search = _Search(workspace, base, wanted, search_pattern.compile_safely(pattern.text, re.IGNORECASE if asked.ignore_case else 0))
    shown, total = await in_thread(search.matches, answer)
    if not total and not answer.is_cut:
        deadline = time.monotonic() + SECOND_LOOK_S
        looks = list(_second_looks(expression, asked.pattern, workspace, base))
        if not about and not search_pattern.is_literal(asked.pattern):
            looks.insert(0, ([*skipped, "--regexp", search_pattern.escaped(asked.pattern)], "", search_pattern.LITERAL_ABOUT))
        for look, encoding, where in looks:
            answer = await _rg([*options, *look, "."], folder, deadline - time.monotonic())
            shown, total = await in_thread(search.matches, answer, encoding=encoding)
            if answer.is_late:
                search.unsearched.reasons = [IGNORED_UNSEARCHED]
            if total or answer.is_cut:
                about += where if total else ""
                break
    if answer.is_cut and not search.unsearched.reasons:
        search.unsearched.reasons.append(
            NOT_ALL if answer.is_late else "there are more matches that were not counted; give a narrower pattern or path"
        )
    return answers.matches(asked.pattern, shown, total, search.unsearched.notes(), about)


def _second_looks(expression: list[str], pattern: str, workspace: Workspace, base: str) -> Iterator[tuple[list[str], str, str]]:
    """Where to look when nothing was found: (options, encoding, what is said of matches there)."""
    yield ["--no-ignore", *_globs(workspace, base, NEVER_SEARCHED), *expression], "", IGNORED_ABOUT
    skipped = _globs(workspace, base)
    encodings = ["utf-16le", "utf-16be", *([] if pattern.isascii() else ["windows-1252", "gbk", "shift_jis", "euc-kr", "big5"])]
    for encoding in encodings:
        yield [f"--encoding={encoding}", *skipped, *expression], encoding, f" (in files that are {encoding} text)"


def _types(glob: str | None) -> list[str]:
    """Options that spare the search most of the files that a glob leaves out; each name is matched by the glob again."""
    if not glob or not re.fullmatch(r"(?:\*\*/)?\*\.[A-Za-z0-9_]+", glob):
        return []
    # As a file type, because a --glob that includes files would override .gitignore.
    return [f"--type-add=wanted:*.{glob.rpartition('.')[2]}", "--type=wanted"]


class _Search:
    """Confirms what ripgrep found: each matching line is read again beneath the workspace."""

    def __init__(self, workspace: Workspace, base: str, wanted: Callable[[str], bool] | None, matcher: re.Pattern[str]):
        self._workspace, self._base, self._wanted, self._matcher = workspace, base, wanted, matcher
        self.unsearched = Unsearched()

    def matches(self, answer: "_Answer", encoding: str = "") -> tuple[list[str], int]:
        """(the matching lines as they are shown, at most KEPT_MAX of them; how many there are)."""
        found: dict[str, dict[int, int]] = {}
        binary: set[str] = set()
        for line in answer.output.split(b"\n"):
            name, null, rest = line.partition(b"\0")
            place = _PLACE.match(rest)
            if null and place is not None:
                if (path := self._path(name)) is not None:
                    # (line, column) of a match; the column counts bytes.
                    found.setdefault(path, {}).setdefault(int(place[1]), int(place[2]))
            elif (at := _BINARY.match(line)) is not None and (path := self._path(at[1])) is not None:
                binary.add(path)
        self._denied(answer.errors)
        shown: list[str] = []
        total = 0
        for path in sorted(found | dict.fromkeys(binary)):
            lines = self._lines(path, found.get(path, {}), encoding, is_binary=path in binary)
            total += len(lines)
            shown += [f"{path}:{number}: {text}" for number, text in lines[: max(0, KEPT_MAX - len(shown))]]
        return shown, total

    def _path(self, name: bytes) -> str | None:
        path = _joined(self._base, os.fsdecode(name))
        # Filtered before counting, so that hidden matches do not displace others.
        is_shown = not is_secret(path) and self._workspace.shows(path) and (self._wanted is None or self._wanted(path))
        return path if is_shown else None

    def _denied(self, errors: bytes) -> None:
        for match in _DENIED.finditer(errors):
            if (path := self._path(match[1])) is not None:
                self.unsearched.add("not searched, permission denied", path)

    def _lines(self, path: str, places: dict[int, int], encoding: str, *, is_binary: bool) -> list[tuple[int, str]]:
        try:
            descriptor = self._workspace.open_regular(path)
        except PathProblem:
            return []
        with os.fdopen(descriptor, "rb") as handle:
            size = os.fstat(descriptor).st_size
            if size > FILE_BYTES_MAX and not encoding:
                return [] if is_binary else list(_read_lines(handle, places, size))
            content = handle.read(FILE_BYTES_MAX)
        if encoding:
            return _in_encoding(content, encoding, places)
        text = searchable_text(content, path)
        if text is None:
            self.unsearched.add("binary files that match", path)
            return []
        if is_binary:
            # ripgrep stops at the first match behind a NUL.
            return list(lines_in(text, self._matcher, is_over_lines=False))
        return _placed(text.split("\n"), places)


def _placed(lines: list[str], places: dict[int, int]) -> list[tuple[int, str]]:
    return [(number, _shown(lines[number - 1], column)) for number, column in sorted(places.items()) if number <= len(lines)]


def _shown(line: str, column: int) -> str:
    bare = line.removesuffix("\r")
    return around(bare, len(bare.encode(errors="replace")[: column - 1].decode(errors="ignore")))


def _in_encoding(content: bytes, encoding: str, places: dict[int, int]) -> list[tuple[int, str]]:
    """The lines of a file in another encoding; none of one that is UTF-8, where a match is an accident."""
    try:
        is_accident = b"\0" not in content and bool(content.decode())
    except UnicodeDecodeError:
        is_accident = False
    return [] if is_accident else _placed(content.decode(_PYTHON_NAMES.get(encoding, encoding), errors="replace").split("\n"), places)


def _read_lines(handle: IO[bytes], places: dict[int, int], size: int) -> Iterator[tuple[int, str]]:
    """The lines of a large file, read up to the last one that is shown."""
    wanted = sorted(places)[:KEPT_MAX]
    if size > READ_BYTES_MAX:
        yield from ((number, f"(a line of a file of {size // 1024**2} MiB; read it with start_line={number})") for number in sorted(places))
        return
    for number, line in enumerate(iter(lambda: handle.readline(LINE_BYTES_MAX), b""), 1):
        if number in places:
            yield number, _shown(line.decode(errors="replace").rstrip("\n"), places[number])
        if number >= wanted[-1]:
            break
    yield from ((number, "") for number in sorted(places)[KEPT_MAX:])


async def _names(workspace: Workspace, asked: SearchFiles, base: str, folder: int) -> Outcome:
    wanted, unsearched = name_matcher(asked.pattern, base, workspace.path), Unsearched()
    answer = await _rg(["--files", "--null", *_globs(workspace, base), "."], folder)
    found, about = await in_thread(_matching_names, workspace, wanted, base, answer.output), ""
    if not found and not answer.is_cut:
        wanted = name_matcher(asked.pattern, base, workspace.path, is_loose=True)
        options = ["--files", "--null", "--no-ignore", *_globs(workspace, base, NEVER_SEARCHED), "."]
        answer = await _rg(options, folder, SECOND_LOOK_S)
        found = await in_thread(_matching_names, workspace, wanted, base, answer.output)
        about = LOOSE_ABOUT if found else ""
        if answer.is_cut:
            unsearched.reasons.append(IGNORED_UNSEARCHED)
    elif answer.is_cut:
        unsearched.reasons.append("there are more files that were not searched; give a narrower path")
    for match in _DENIED.finditer(answer.errors):
        if workspace.shows(path := _joined(base, os.fsdecode(match[1]))):
            unsearched.add("not searched, permission denied", path)
    return answers.names(asked.pattern, found[:KEPT_MAX], len(found), unsearched.notes(), about)


def _matching_names(workspace: Workspace, wanted: Callable[[str], bool], base: str, output: bytes) -> list[str]:
    names = (_joined(base, os.fsdecode(name)) for name in output.split(b"\0") if name)
    return sorted(name for name in names if workspace.shows(name) and wanted(name))


@dataclass
class _Answer:
    """What ripgrep wrote. `problem`: why it does not understand the pattern; `is_cut`: there is more, `is_late` because time ran out."""

    output: bytes
    errors: bytes
    problem: str = ""
    is_cut: bool = False
    is_late: bool = False


async def _rg(words: list[str], folder: int, deadline_s: float = DEADLINE_S) -> _Answer:
    """Run ripgrep in an opened folder, for at most `deadline_s` seconds and OUTPUT_BYTES_MAX bytes of output."""
    found = program()
    assert found is not None
    cwd, starter = _start_in(folder)
    process = await asyncio.create_subprocess_exec(
        *starter,
        found,
        *_COMMON,
        *words,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={"PATH": os.defpath},
        cwd=cwd,
        pass_fds=(folder,),
    )
    assert process.stdout is not None
    assert process.stderr is not None
    errors = asyncio.create_task(_first_bytes(process.stderr))
    output = bytearray()
    is_cut = is_late = False
    try:
        async with asyncio.timeout(deadline_s):
            while chunk := await process.stdout.read(256 * 1024):
                output += chunk
                if len(output) > OUTPUT_BYTES_MAX:
                    is_cut = True
                    break
            if not is_cut:
                await process.wait()
    except TimeoutError:
        is_cut = is_late = True
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        said = await errors
    problem = said.decode(errors="replace") if process.returncode == 2 and not output and b"error:" in said else ""
    return _Answer(bytes(output), said, problem.rpartition("error:")[2].strip(), is_cut, is_late)


async def _first_bytes(stream: asyncio.StreamReader) -> bytes:
    """The beginning of a stream, which is read to its end."""
    kept = bytearray()
    while chunk := await stream.read(64 * 1024):
        kept += chunk[: max(0, ERROR_BYTES_MAX - len(kept))]
    return bytes(kept)


def _start_in(folder: int) -> tuple[str, list[str]]:
    """(working directory, words before the program) to start a program in an opened folder, even if its path leads elsewhere by now."""
    here = f"/proc/self/fd/{folder}"
    if os.path.isdir(here):
        return here, []
    # Without /proc no path leads to a descriptor, so a Python process changes to the folder and executes the program.
    return "/", [sys.executable, "-I", "-S", "-c", _EXECUTE_IN_FOLDER, str(folder)]


def _globs(workspace: Workspace, base: str, skipped: frozenset[str] = SKIPPED_FOLDERS) -> list[str]:
    globs = [f"--glob=!**/{name}/" for name in sorted(skipped)]
    if base == "." and not workspace.shows(".hidden"):
        # The workspace is a whole home: the files of its programs are hidden, and many.
        globs += ["--glob=!/.*", "--glob=!/_*"]
    return globs


def _joined(base: str, name: str) -> str:
    name = name.removeprefix("./")
    return name if base == "." else f"{base}/{name}"
