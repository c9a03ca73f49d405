"""A real daemon in a home of its own: real supervisord, real processes, free ports."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from opta_cli import supervise
from opta_cli.client import Client, new_key
from opta_core import settings
from opta_core.errors import OptaError
from opta_core.process import state
from opta_core.process.supervision import SupervisordClient
from support.limits import limit_s

OPTA = Path(sys.executable).parent / "opta"


class Daemon:
    """`with Daemon(tmp_path) as daemon:` starts everything, and leaves nothing behind."""

    def __init__(self, folder: Path, *, model_url: str = "", only: str = "", config: str = ""):
        self.home = folder / "home"
        self.workspace = folder / "work"
        # What `up` runs; the crash tests have a way of their own.
        self.starter = [str(OPTA)]
        self.workspace.mkdir(parents=True, exist_ok=True)
        self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("OPTA_")},
            "OPTA_HOME": str(self.home),
            "OPTA_DAEMON_PORT": "0",
            "OPTA_UI_PORT": "0",
            "OPTA_LMX_PORT": "0",
            # What lies on a contributor's machine changes no test.
            "OPTA_LMX_OTHER_MODELS": "false",
        }
        provider = f'\n[providers.scripted]\ntype = "openai"\nbase-url = "{model_url}"\nmodel = "scripted"\n' if model_url else ""
        default = 'default-model = "scripted/scripted"\n' if model_url else ""
        (self.home / "config.toml").write_text(default + config + provider)
        # A scripted model needs no LMX; without one it is started.
        self.only = only or ("gateway,agent,tools,sessions,desktop" if model_url else "")

    def __enter__(self) -> "Daemon":
        self.up()
        return self

    def __exit__(self, *_: object) -> None:
        self.down()
        left = self.leftovers()
        for pid, _ in left:
            os.kill(pid, signal.SIGKILL)
        assert not left, f"processes left behind: {left}"

    def up(self) -> float:
        """Start; seconds until ready."""
        started = time.perf_counter()
        command = [*self.starter, "up", "--no-open", "--detach", *(["--only", self.only] if self.only else [])]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=limit_s(90), check=False)
        assert done.returncode == 0, done.stdout + done.stderr + self.logs()
        return time.perf_counter() - started

    def down(self) -> None:
        """Stop everything, as `opta down` does."""
        # What cannot be stopped is found among the leftovers.
        with contextlib.suppress(OptaError):
            supervise.stop(self.loaded)

    def opta(
        self, *arguments: str, stdin: str | None = None, cwd: Path | None = None, timeout_s: float = 60, **variables: str
    ) -> "subprocess.CompletedProcess[str]":
        """Run the command line as a user would, without a terminal."""
        return subprocess.run(
            [str(OPTA), *arguments],
            env={**self.environment, **variables},
            input=stdin or "",
            capture_output=True,
            text=True,
            timeout=limit_s(timeout_s),
            cwd=cwd or self.workspace,
            check=False,
        )

    # what it says -----------------------------------------------------------------------------------

    @property
    def loaded(self) -> settings.LoadedSettings:
        """The settings its processes have."""
        return settings.load(variables=self.environment)

    @property
    def client(self) -> Client:
        """A client of its own."""
        return Client(self.loaded.paths)

    @property
    def port(self) -> int:
        """Where the gateway listens."""
        known = state.read(self.loaded.paths)
        assert known is not None
        return known.port

    @property
    def token(self) -> str:
        """The bearer token of now."""
        return self.loaded.paths.token.read_text()

    @property
    def page_url(self) -> str:
        """The page's address with a fresh launch code."""
        return supervise.page_url(self.loaded)

    def supervisor(self) -> SupervisordClient:
        """Its supervisord."""
        return SupervisordClient(self.loaded.paths.run, 5)

    def pids(self) -> dict[str, int]:
        """Service -> process id, those that run."""
        return {p["name"]: p["pid"] for p in self.supervisor().processes() if p["statename"] == "RUNNING"}

    def engine_pid(self) -> int:
        """The LMX engine child."""
        lmx = self.client.get("/v3/metrics")["lmx"]
        return int(lmx.get("enginePid", 0))

    def kill(self, service: str, number: int = signal.SIGKILL) -> int:
        """Kill a service (or `engine`); the pid that was killed."""
        pid = self.engine_pid() if service == "engine" else self.pids()[service]
        # 0 would mean the processes of this test.
        assert pid > 0, f"{service} does not run"
        os.kill(pid, number)
        return pid

    def session(self, **fields: Any) -> str:
        """A new session in the workspace."""
        return str(self.client.post("/v3/sessions", {"cwd": str(self.workspace), **fields})["id"])

    def start_servers(self) -> None:
        """Start the MCP servers of the workspace: a turn waits for them only a short time, which a busy machine may need for other work."""
        self.client.get(f"/v3/mcp?cwd={self.workspace}&look=1")

    def submit(self, sid: str, text: str, **fields: Any) -> str:
        """A new turn, sent again until it is accepted; its id."""
        return str(self.client.post(f"/v3/sessions/{sid}/turns", {"text": text, **fields}, new_key())["turnId"])

    def follow(self, sid: str, turn: str, after: int = 0) -> list[dict[str, Any]]:
        """Every event of the session beyond `after` until the turn ends."""
        found: list[dict[str, Any]] = []
        for line in self.client.events(sid, after):
            found.append(json.loads(line))
            if found[-1].get("turn") == turn and found[-1]["event"] in ("turn.done", "turn.error", "session.cancelled"):
                return found
        raise AssertionError("the stream ended")

    def journal(self, sid: str) -> list[bytes]:
        """The lines on the disk."""
        return (self.home / "daemon/sessions" / f"{sid}.jsonl").read_bytes().splitlines()

    def logs(self) -> str:
        """The end of every log."""
        folder = self.home / "daemon/logs"
        return "\n".join(f"== {file.name}\n{file.read_text(errors='replace')[-2000:]}" for file in sorted(folder.glob("*")))

    def leftovers(self) -> list[tuple[int, str]]:
        """Processes of this home that still live."""
        wanted = f"OPTA_HOME={self.home}".encode()
        found: list[tuple[int, str]] = []
        deadline = time.monotonic() + limit_s(3)
        while time.monotonic() < deadline:
            found = [(pid, command) for pid, command in processes() if carries(pid, wanted)]
            if not found:
                return []
            time.sleep(0.05)
        return found


def processes() -> list[tuple[int, str]]:
    """(pid, first 120 characters of the command line) of every process of this machine that has not ended."""
    found: list[tuple[int, str]] = []
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) != os.getpid():
            try:
                fields = Path(f"/proc/{name}/stat").read_text(errors="replace").rpartition(")")[2].split()
                if fields[0] not in ("Z", "X"):
                    # Another test's command line may contain any bytes.
                    command = Path(f"/proc/{name}/cmdline").read_text(errors="replace")
                    found.append((int(name), command.replace("\0", " ")[:120]))
            except OSError:
                pass
    return found


def carries(pid: int, wanted: bytes) -> bool:
    """Whether the environment of a process has the entry `wanted` (`NAME=value`)."""
    try:
        return wanted in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return False
