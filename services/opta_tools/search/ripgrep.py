"""grep and search_files with ripgrep, where it is installed: it is fast, respects .gitignore, and no pattern makes it hang.

Matches are verified before they are shown: each file is opened again beneath the workspace. So nothing outside is shown when a folder is
replaced by a link during the search.
"""

import asyncio
import contextlib
import os
import re
import sys
from typing import Any

from opta_core.policy.actions import is_secret
from opta_core.process.system_programs import find
from opta_protocol.tools.searching import GREP, SEARCH_FILES, Grep, SearchFiles

from ..arguments import arguments
from ..files.workspace import PathProblem, Workspace
from ..result import Outcome, ToolProblem
from ..threads import in_thread
from . import answers
from .answers import MATCHES_MAX
from .search import DEADLINE_S, FILE_BYTES_MAX, LINE_CHARS_MAX, SHOWN_CHARS_MAX, SKIPPED_FOLDERS, glob_pattern

OUTPUT_BYTES_MAX = 8 * 1024 * 1024
_EXECUTE_IN_FOLDER = "import os, sys; os.fchdir(int(sys.argv[1])); os.execv(sys.argv[2], sys.argv[2:])"
_COMMON = ["--no-config", "--no-messages", "--hidden", "--no-require-git", "--no-follow", "--color=never", "--one-file-system"]


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


async def _grep(workspace: Workspace, asked: Grep, base: str, folder: int) -> Outcome:
    if len(asked.pattern) > 1000:
        raise ToolProblem("the pattern is longer than 1,000 characters")
    options = [
        "--line-number",
        "--null",
        "--no-heading",
        "--with-filename",
        f"--max-filesize={FILE_BYTES_MAX}",
        f"--max-columns={LINE_CHARS_MAX}",
    ]
    # As a file type, because a --glob that includes files would override .gitignore.
    options += [
        *_globs(workspace, base),
        *(["--ignore-case"] if asked.ignore_case else []),
        *([f"--type-add=wanted:{asked.glob}", "--type=wanted"] if asked.glob else []),
    ]
    code, output, is_cut = await _rg([*options, "--regexp", asked.pattern, "."], folder)
    if code == 2 and not output:
        # Not a valid expression for ripgrep: search for it literally.
        code, output, is_cut = await _rg([*options, "--fixed-strings", "--regexp", asked.pattern, "."], folder)
    return await in_thread(_matches, workspace, asked.pattern, base, output, is_cut=is_cut)


def _matches(workspace: Workspace, pattern: str, base: str, output: bytes, *, is_cut: bool) -> Outcome:
    found: list[tuple[str, int, str]] = []
    for line in output.split(b"\n"):
        name, null, rest = line.partition(b"\0")
        number, colon, text = rest.partition(b":")
        path = _joined(base, os.fsdecode(name))
        # Filtered before counting, so that hidden matches do not displace others.
        if null and colon and number.isdigit() and not is_secret(path) and workspace.shows(path):
            found.append((path, int(number), text.decode(errors="replace").strip()[:SHOWN_CHARS_MAX]))
    found.sort()
    shown = _checked(workspace, found[:MATCHES_MAX])
    return answers.matches(
        pattern, shown, len(found), "… and more matches that were not counted; give a narrower pattern or path" if is_cut else ""
    )


async def _names(workspace: Workspace, asked: SearchFiles, base: str, folder: int) -> Outcome:
    pattern = asked.pattern
    glob = glob_pattern(pattern if any(character in pattern for character in "*?[") else f"*{pattern}*")
    _, output, is_cut = await _rg(["--files", "--null", *_globs(workspace, base), "."], folder)
    return await in_thread(_matching_names, workspace, pattern, glob, base, output, is_cut=is_cut)


def _matching_names(workspace: Workspace, pattern: str, glob: re.Pattern[str], base: str, output: bytes, *, is_cut: bool) -> Outcome:
    names = [_joined(base, os.fsdecode(name)) for name in output.split(b"\0") if name]
    found = sorted(name for name in names if workspace.shows(name) and glob.match(name if "/" in pattern else name.rsplit("/", 1)[-1]))
    note = "… and more files that were not searched; give a narrower path" if is_cut else ""
    return answers.names(pattern, found[:MATCHES_MAX], len(found), note)


async def _rg(words: list[str], folder: int) -> tuple[int, bytes, bool]:
    """Run ripgrep in an opened folder. Returns (exit code, output up to OUTPUT_BYTES_MAX, whether there was more). Raises ToolProblem."""
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
        stderr=asyncio.subprocess.DEVNULL,
        env={"PATH": os.defpath},
        cwd=cwd,
        pass_fds=(folder,),
    )
    assert process.stdout is not None
    output = bytearray()
    is_cut = False
    try:
        async with asyncio.timeout(DEADLINE_S):
            while chunk := await process.stdout.read(256 * 1024):
                output += chunk
                if len(output) > OUTPUT_BYTES_MAX:
                    is_cut = True
                    break
            if not is_cut:
                await process.wait()
    except TimeoutError:
        raise ToolProblem(f"the search took longer than {DEADLINE_S:g} s; give a narrower path", "timeout") from None
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    return process.returncode or 0, bytes(output), is_cut


def _start_in(folder: int) -> tuple[str, list[str]]:
    """(working directory, words before the program) to start a program in an opened folder, even if its path leads elsewhere by now."""
    here = f"/proc/self/fd/{folder}"
    if os.path.isdir(here):
        return here, []
    # Without /proc no path leads to a descriptor, so a Python process changes to the folder and executes the program.
    return "/", [sys.executable, "-I", "-S", "-c", _EXECUTE_IN_FOLDER, str(folder)]


def _checked(workspace: Workspace, found: list[tuple[str, int, str]]) -> list[str]:
    """The matches that are confirmed by reading the file through the workspace, formatted."""
    shown: list[str] = []
    lines: dict[str, list[bytes]] = {}
    for name, number, text in found:
        if name not in lines:
            try:
                with os.fdopen(workspace.open_regular(name), "rb") as handle:
                    lines = {name: handle.read(FILE_BYTES_MAX).split(b"\n")}
            except PathProblem:
                lines = {name: []}
        if number <= len(lines[name]) and lines[name][number - 1].decode(errors="replace").strip().startswith(text[:40]):
            shown.append(f"{name}:{number}: {text}")
    return shown


def _globs(workspace: Workspace, base: str) -> list[str]:
    globs = [f"--glob=!**/{name}/" for name in sorted(SKIPPED_FOLDERS)]
    if base == "." and not workspace.shows(".hidden"):
        # The workspace is a whole home: the files of its programs are hidden, and many.
        globs += ["--glob=!/.*", "--glob=!/_*"]
    return globs


def _joined(base: str, name: str) -> str:
    name = name.removeprefix("./")
    return name if base == "." else f"{base}/{name}"
