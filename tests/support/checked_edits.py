"""A session that edits files which are checked: real programs in a real sandbox, no daemon."""

import asyncio
import contextlib
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import msgspec

from opta_core.diagnostics_settings import DiagnosticsSettings
from opta_core.paths import Paths
from opta_core.policy import trust
from opta_core.settings import Settings
from opta_protocol.commands import EndSession, RunTool
from opta_protocol.events import Event
from opta_tools.checkpoints.checkpoints import Checkpoints
from opta_tools.commands.jobs import Runner
from opta_tools.diagnostics.check_run import CheckRuns
from opta_tools.diagnostics.edit_checks import EditChecks
from opta_tools.diagnostics.timed_runs import TimedRuns
from opta_tools.executor import ToolExecutor
from opta_tools.mcp.servers import Servers
from opta_tools.result import Outcome, ToolProblem
from opta_tools.sandbox.launch import Level
from opta_tools.sandbox.sandbox import Sandbox

from .oracles import until_async

RUFF = Path(sys.executable).parent / "ruff"
# A checker that finds the word "bad". It is a program of its own, so that it can also be slow, fail, write and look around.
CHECKER = """#!/bin/sh
{first}
grep -n bad "$1" | while IFS=: read -r line text; do echo "$1:$line:1: bad word in: $text"; done
"""


class CheckedEdits:
    """A session that edits files of a workspace, with real programs in a real sandbox."""

    def __init__(self, folder: Path, level: Level = "full"):
        self.work, self.programs, home = folder / "work", folder / "home/.local/bin", folder / "home"
        for made in (self.work, self.programs, home / ".config/opta/daemon"):
            made.mkdir(parents=True, exist_ok=True)
        self.paths = Paths(home / ".config/opta", folder / "run")
        self.settings = Settings()
        # Without the programs of this environment, which a sandbox does not show.
        path = f"{self.programs}:/usr/local/bin:/usr/bin:/bin"
        self.environment = {**os.environ, "HOME": str(home), "PATH": path}
        self._level: Level = level
        self._sandbox = Sandbox(home, (self.paths.home,), folder / "state", search_path=path, wanted=lambda found: found == level)
        self._loop = asyncio.new_event_loop()
        if level != "none":
            self._loop.run_until_complete(self._sandbox.probe())
            assert self._sandbox.level == level, self._sandbox.reason
        self.renew()
        self._calls = 0

    def renew(self, limit_s: float = 20.0) -> None:
        """As after a restart of the worker. `limit_s`: what the checks of an edit may add."""
        runs = CheckRuns(self._sandbox, self.environment, f"test/{os.getpid()}")
        self.runs = TimedRuns(runs, limit_s)
        self.checks = EditChecks(lambda: self.settings, self.paths, self.runs)
        folder = self.work.parent
        self._executor = ToolExecutor(
            "boot",
            self._level,
            Runner(self._sandbox, self.environment, f"test/{os.getpid()}", folder / "spills"),
            Checkpoints(folder / "checkpoints"),
            Servers(Settings, self.paths, self._sandbox, self.environment, "test"),
            checks=self.checks,
        )

    def renew_limit(self, limit_s: float) -> None:
        """What the checks of an edit may add from now on."""
        self.runs.limit_s = limit_s

    def wait_for_runs(self) -> None:
        """Until no run goes on beside the session's work."""
        assert self.run(until_async(lambda: self.runs.running == 0))

    def write(self, path: str, content: str, sid: str = "abcdef") -> str:
        """The result of write_file, after the file was read."""
        return self.run(self._written(path, content, sid)).content

    async def _written(self, path: str, content: str, sid: str) -> Outcome:
        if (self.work / path).exists():
            # Of what is no text, it is enough to have tried.
            with contextlib.suppress(ToolProblem):
                await self.call("read_file", {"path": path}, sid)
        return await self.call("write_file", {"path": path, "content": content}, sid)

    def edit(self, path: str, old: str, new: str, sid: str = "abcdef") -> str:
        """The result of edit_file."""
        return self.run(self.call("edit_file", {"path": path, "old": old, "new": new}, sid)).content

    async def call(self, name: str, args: dict[str, Any], sid: str = "abcdef") -> Outcome:
        """One call on this desk's loop."""

        async def record(event: Event) -> None:
            return

        self._calls += 1
        call = RunTool(callId=f"c{self._calls}", sid=sid, turn="t1", name=name, args=args, cwd=str(self.work))
        return await self._executor.execute(call, lambda event: None, record)

    def run(self, work: Any) -> Any:
        """Something on this desk's loop, to its end."""
        return self._loop.run_until_complete(work)

    def end_session(self, sid: str) -> None:
        """As when a session is archived."""
        self.run(self._executor.end_session(EndSession(sid=sid)))

    def install(self, name: str, first: str = "", *, folder: Path | None = None) -> None:
        """Put the checker somewhere, with a line before it looks."""
        file = (folder or self.programs) / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(CHECKER.format(first=first))
        file.chmod(0o755)

    def configure(self, *commands: str, enabled: bool = True) -> None:
        """The user's settings."""
        self.settings = msgspec.structs.replace(self.settings, diagnostics=DiagnosticsSettings(enabled=enabled, commands=list(commands)))

    def trust(self) -> None:
        """The user trusts the folder as it is now."""
        trust.give(self.paths, str(self.work), trust.take(str(self.work)).sha256)

    def install_ruff(self) -> None:
        """Put the real ruff on the PATH."""
        shutil.copy(RUFF, self.programs / "ruff")

    def close(self) -> None:
        """End everything."""
        self.run(self._executor.close())
        if self._level != "none":
            self.run(self._sandbox.close())
        self._loop.close()


def added(content: str) -> list[str]:
    """The lines that the checks added to a result."""
    lines = content.split("\n")
    return lines[next((number for number, line in enumerate(lines) if line.startswith("Opta: ")), len(lines)) :]
