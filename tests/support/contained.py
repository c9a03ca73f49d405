"""Commands run as the tool-worker runs them: real sandbox, real processes, no daemon."""

import asyncio
import contextlib
import os
import re
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import psutil

from opta_protocol.commands import RunTool
from opta_protocol.tools.shell import RUN_COMMAND, CommandStop
from opta_tools.arguments import arguments
from opta_tools.commands.jobs import Runner
from opta_tools.result import Outcome, ToolProblem
from opta_tools.sandbox.launch import Level
from opta_tools.sandbox.limits import CommandLimits
from opta_tools.sandbox.sandbox import Sandbox
from support.limits import limit_s
from support.oracles import until

T = TypeVar("T")
# The interpreter itself: the one of the virtual environment may lie beneath /tmp, which a command does not see.
PYTHON = os.path.realpath(sys.executable)
_IN_BACKGROUND = re.compile(r"(bg\d+) runs in the background")


class Place:
    """A home with secrets, a daemon's own folder in it, and a workspace beside. Its sandboxes live until `close`."""

    def __init__(self, folder: Path, *, allowed: tuple[str, ...] = (), read: tuple[str, ...] = (), limits: CommandLimits | None = None, level: Level = "full", unix_sockets: bool = False, daemon_home: str = ".config/opta"):  # fmt: skip
        self.home, self.daemon_home, self.work = folder / "home", folder / "home" / daemon_home, folder / "work"
        for made in (self.home / ".ssh", self.daemon_home / "daemon/sessions", self.work):
            made.mkdir(parents=True, exist_ok=True)
        (self.home / ".ssh/id").write_text("CANARY-ssh")
        (self.home / ".netrc").write_text("CANARY-netrc")
        (self.daemon_home / "daemon/token").write_text("CANARY-token")
        (self.daemon_home / "daemon/sessions/abcdef.jsonl").write_text("CANARY-session")
        environment = {**os.environ, "HOME": str(self.home), "CANARY_TOKEN": "CANARY-env", "SSH_AUTH_SOCK": str(folder / "agent.sock")}
        self.sandbox = Sandbox(
            self.home,
            (self.daemon_home,),
            folder / "state",
            search_path=os.environ["PATH"],
            read=read,
            allowed=allowed,
            limits=limits,
            unix_sockets=unix_sockets,
            wanted=lambda found: found == level,
        )
        self.runner = Runner(self.sandbox, environment, f"test/{os.getpid()}", folder / "spills")
        self._loop, self._calls = asyncio.new_event_loop(), 0
        # (session, id) of every command in the background.
        self._background: list[tuple[str, str]] = []
        if level != "none":
            self._loop.run_until_complete(self.sandbox.probe())
            # Without a sandbox these tests say nothing, so they fail.
            assert self.sandbox.level == level, self.sandbox.reason

    def run(
        self, command: str, network: Any = "off", *, session: str = "abcdef", work: Path | None = None, identity: str = "", **args: Any
    ) -> Outcome:
        """One approved run_command; a refusal comes back as a failed outcome."""
        return self.wait(self.command(command, network, session=session, work=work, identity=identity, **args))

    async def command(
        self, command: str, network: Any = "off", *, session: str = "abcdef", work: Path | None = None, identity: str = "", **args: Any
    ) -> Outcome:
        """The same on this place's loop."""

        async def recorded(pid: int) -> None:
            assert pid > 0

        self._calls += 1
        call = RunTool(
            callId=f"c{self._calls}",
            sid=session,
            turn="t1",
            name="run_command",
            args={"command": command, "timeout_s": 20, **args},
            cwd=str(work or self.work),
            folder=identity,
            network=network,
        )
        try:
            outcome = await self.runner.run(call, arguments(RUN_COMMAND, call.args), recorded, lambda text: None)
        except ToolProblem as problem:
            return Outcome(f"Error: {problem}", ok=False, code=problem.code)
        if found := _IN_BACKGROUND.match(outcome.content):
            self._background.append((session, found[1]))
        return outcome

    def begin(self, command: str, **args: Any) -> str:
        """A command in the background; its id."""
        said = self.run(command, background=True, **args)
        found = _IN_BACKGROUND.match(said.content)
        assert found is not None, said.content
        return found[1]

    def stop(self, job: str, *, session: str = "abcdef") -> str:
        """End a command in the background; what is said about it."""
        return self.wait(self.runner.stop(session, CommandStop(id=job))).content

    def stop_background(self) -> None:
        """End every command in the background, of every session."""
        for session, job in self._background:
            self.stop(job, session=session)

    def pass_time(self, seconds: float) -> None:
        """Let what runs beside commands run, as the guard's ticks."""
        self.wait(asyncio.sleep(seconds))

    def pass_time_until(self, is_so: Callable[[], bool], seconds: float) -> None:
        """The same until something is so, and for two ticks of the guard more; not for ever."""
        for _ in range(int(limit_s(seconds))):
            self.pass_time(1)
            if is_so():
                break
        self.pass_time(2.5)

    def kill_supervisors(self) -> None:
        """As when the worker is killed: everything contained ends."""
        killed: list[psutil.Process] = []
        for child in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                if any("sandbox.supervisor" in word for word in child.cmdline()):
                    child.kill()
                    killed.append(child)
        # A killed process lives on for a moment; the sandbox is the one that collects it.
        assert until(lambda: all(not child.is_running() or child.status() == psutil.STATUS_ZOMBIE for child in killed), 5)

    def wait(self, work: Awaitable[T]) -> T:
        """Run something on this place's loop to its end."""
        return self._loop.run_until_complete(work)

    def close(self) -> None:
        """End every sandbox."""

        async def ended() -> None:
            await self.runner.close()
            await self.sandbox.close()

        self._loop.run_until_complete(ended())
        self._loop.close()


def script(place: Place, text: str, name: str = "attack.py") -> str:
    """A command that runs a Python program of the workspace."""
    (place.work / name).write_text(text)
    return f"{PYTHON} -S {name}"
