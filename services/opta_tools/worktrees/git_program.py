"""Runs git so that nothing of a repository runs a program: no hook, no filter, no file system monitor, no transport.

A repository's configuration may come from strangers or from commands of a model. It is not used for anything that reads or writes files
of a work tree (see `PlainRepository`); where git has to read it, for refs, the keys that run programs are overridden. The user's and the
system's configurations are used: they name the author, ignored files and filters like git-lfs.
"""

import os
import shutil
import signal
import subprocess
from pathlib import Path

from opta_core.process.system_programs import FOLDERS, find

from ..sandbox.bare import MARK

GIT_S = 120.0
MESSAGE_CHARS_MAX = 500
# A configuration of a repository cannot override these.
_SETTINGS = (
    "core.hooksPath=/dev/null", "core.fsmonitor=false", "core.untrackedCache=false", "core.pager=cat", "core.editor=true", "core.sshCommand=false",
    "core.quotePath=false", "gc.auto=0", "maintenance.auto=false", "commit.gpgSign=false", "submodule.recurse=false", "diff.ignoreSubmodules=dirty",
    "fetch.recurseSubmodules=false", "protocol.allow=never", "core.splitIndex=false", "advice.detachedHead=false", "core.alternateRefsCommand=true",
)  # fmt: skip


class WorktreeProblem(Exception):
    """Nothing was done. The message says why, and what to do. `paths`: the files that it is about; `needs_force`: done when asked again so."""

    def __init__(self, message: str, paths: list[str] | None = None, *, needs_force: bool = False):
        super().__init__(message)
        self.paths, self.needs_force = paths or [], needs_force


class GitFailed(Exception):
    """git ended with an exit code other than 0, or could not run. `output` is its standard output."""

    def __init__(self, words: tuple[str, ...], code: int, output: bytes, message: str):
        super().__init__(message or f"git {words[0]} ended with exit code {code}")
        self.code, self.output = code, output


class GitProgram:
    """`home`: the folder whose configuration of git is used. `mark`: by which the next worker finds and ends a git that this one left."""

    def __init__(self, home: Path, mark: str = ""):
        self._home, self._mark = home, mark

    def run(self, folder: str, *words: str, given: bytes = b"", **variables: str) -> bytes:
        """What git prints when it runs in a folder. Raises GitFailed, WorktreeProblem."""
        program = find("git") or shutil.which("git", path=os.defpath)
        if program is None:
            raise WorktreeProblem("git is not installed, and worktrees need it")
        argv = [program, *(word for setting in _SETTINGS for word in ("-c", setting)), *words]
        try:
            process = subprocess.Popen(
                argv,
                cwd=folder,
                env=self._environment() | variables,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise GitFailed(words, -1, b"", f"git cannot run in {folder}: {error}") from error
        try:
            output, message = process.communicate(given, timeout=GIT_S)
        except subprocess.TimeoutExpired:
            _end(process)
            raise GitFailed(words, -1, b"", f"git {words[0]} took more than {GIT_S:g} s and was ended") from None
        except BaseException:
            _end(process)
            raise
        if process.returncode:
            raise GitFailed(words, process.returncode, output, _said(message))
        return output

    def text(self, folder: str, *words: str, **variables: str) -> str:
        """The same as text without the newline at its end."""
        return self.run(folder, *words, given=b"", **variables).decode(errors="surrogateescape").removesuffix("\n")

    def _environment(self) -> dict[str, str]:
        return {
            "HOME": str(self._home),
            "PATH": ":".join(FOLDERS),
            "LC_ALL": "C",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ASKPASS": "false",
            "GIT_EDITOR": "true",
            "GIT_OPTIONAL_LOCKS": "0",
            # A partial clone does not fetch what it lacks: that would run the transport that the repository names.
            "GIT_NO_LAZY_FETCH": "1",
            "GIT_ALLOW_PROTOCOL": "none",
            "GIT_NO_REPLACE_OBJECTS": "1",
            **({MARK: self._mark} if self._mark else {}),
        }


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Kill git and the filters that it started."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except OSError:
        process.kill()
    process.communicate()


def _said(message: bytes) -> str:
    """The lines of git's message that say what is wrong, as one line of printable characters."""
    lines = [line.strip() for line in message.decode(errors="replace").splitlines() if line.strip() and not line.startswith("hint:")]
    text = "; ".join(line.removeprefix("fatal: ").removeprefix("error: ") for line in lines)
    return "".join(char if char.isprintable() else "?" for char in text)[:MESSAGE_CHARS_MAX]
