"""Commands run as the tool-worker runs them: real sandbox, real processes, no daemon."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

from opta_protocol.commands import RunTool
from opta_tools.outcome import Outcome, ToolProblem
from opta_tools.run import Runner
from opta_tools.sandbox.contain import Sandbox

# The interpreter itself: the one of the virtual environment may lie beneath /tmp, which a command does not see.
PYTHON = os.path.realpath(sys.executable)


class Place:
    """A home with secrets, a daemon's own folder in it, and a workspace beside."""

    def __init__(self, folder: Path, *, allowed: tuple[str, ...] = ()):
        self.home, self.own, self.work = folder / "home", folder / "home/.config/opta", folder / "work"
        for made in (self.home / ".ssh", self.own / "daemon/sessions", self.work):
            made.mkdir(parents=True)
        (self.home / ".ssh/id").write_text("CANARY-ssh")
        (self.home / ".netrc").write_text("CANARY-netrc")
        (self.own / "daemon/token").write_text("CANARY-token")
        (self.own / "daemon/sessions/abcdef.jsonl").write_text("CANARY-session")
        self.sandbox = Sandbox(self.home, (self.own,), folder / "state")
        self.sandbox.probe()
        # Without a sandbox these tests say nothing, so they fail.
        assert self.sandbox.level == "full", self.sandbox.reason
        environment = {**os.environ, "HOME": str(self.home), "CANARY_TOKEN": "CANARY-env", "SSH_AUTH_SOCK": str(folder / "agent.sock")}
        self.runner = Runner(self.sandbox, environment, f"test/{os.getpid()}", folder / "spills", allowed)

    def run(self, command: str, network: Any = "off", **args: Any) -> Outcome:
        """One approved run_command; a refusal comes back as a failed outcome."""

        async def recorded(pid: int) -> None:
            assert pid > 0

        async def story() -> Outcome:
            call = RunTool(
                callId="c1",
                sid="abcdef",
                turn="t1",
                name="run_command",
                args={"command": command, "timeout_s": 20, **args},
                cwd=str(self.work),
                network=network,
            )
            try:
                return await self.runner.run(call, recorded, lambda text: None)
            except ToolProblem as problem:
                return Outcome(f"Error: {problem}", ok=False, code=problem.code)

        return asyncio.run(story())
