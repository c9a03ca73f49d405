"""The containers of docker-compose.yml as a test sees them: services, their command lines, the daemon's API, and what is done to their links."""

import itertools
import json
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from opta_cli.client import Client, new_key
from opta_core.paths import Paths
from support.limits import limit_s
from support.oracles import until

ROOT = Path(__file__).parent.parent.parent
FILES = ("docker-compose.yml", "tests/compose/second-lmx.yml")
ENDINGS = ("turn.done", "turn.error", "session.cancelled")


class Stack:
    """One compose project. `folder`: for files of the test; `tag`: of the images; `variables`: of the compose files."""

    def __init__(self, project: str, folder: Path, *, tag: str = "", variables: dict[str, str] | None = None):
        self.project, self._home = project, folder / "home"
        self.port, self.ui_port = _free_port(), _free_port()
        self.environment = {
            **os.environ,
            "OPTA_DAEMON_PORT": str(self.port),
            "OPTA_UI_PORT": str(self.ui_port),
            "OPTA_TEST_SUBNET": f"10.213.{self.port % 256}.0/24",
            **({"OPTA_TAG": tag} if tag else {}),
            **(variables or {}),
        }

    # engine -----------------------------------------------------------------------------------------

    def compose(self, *words: str, stdin: str = "", timeout_s: float = 120, check: bool = True) -> "subprocess.CompletedProcess[str]":
        """Run `docker-compose WORDS` of the project."""
        files = [word for file in FILES for word in ("-f", file)]
        command = ["docker-compose", "--ansi", "never", "-p", self.project, *files, *words]
        return self._run(command, stdin, timeout_s, check=check)

    def docker(self, *words: str, stdin: str = "", timeout_s: float = 60, check: bool = True) -> "subprocess.CompletedProcess[str]":
        """Run `docker WORDS`."""
        return self._run(["docker", *words], stdin, timeout_s, check=check)

    def container(self, service: str) -> str:
        """The name of a service's container."""
        return f"{self.project}_{service}_1"

    def start(self, *services: str, tag: str = "", **variables: str) -> None:
        """Start services, again with other settings if they run, and wait until each is ready."""
        self.environment |= variables | ({"OPTA_TAG": tag} if tag else {})
        self.compose("up", "-d", "--no-build", "--no-deps", *services)
        for service in services:
            assert until(lambda service=service: self.is_ready(service), 60), self.logs(service)

    def is_ready(self, service: str) -> bool:
        """What the health check of a service says now. The engine itself asks every ten seconds only."""
        check = ["/opt/opta/bin/python", "-I", "/opt/opta/containers/health.py", service.rstrip("2")]
        return self.exec(service, *check, check=False).returncode == 0

    def exec(
        self, service: str, *words: str, stdin: str = "", timeout_s: float = 60, check: bool = True
    ) -> "subprocess.CompletedProcess[str]":
        """Run a program in a container."""
        return self.docker("exec", "-i", self.container(service), *words, stdin=stdin, timeout_s=timeout_s, check=check)

    def opta(
        self, service: str, *words: str, stdin: str = "", timeout_s: float = 60, check: bool = True
    ) -> "subprocess.CompletedProcess[str]":
        """Run the command line in a container."""
        return self.exec(service, "opta", *words, stdin=stdin, timeout_s=timeout_s, check=check)

    def logs(self, service: str) -> str:
        """The end of what a service and its processes wrote."""
        said = self.docker("logs", "--tail", "60", self.container(service), check=False)
        files = self.exec(service, "sh", "-c", "tail -n 15 /var/lib/opta/daemon/logs/*.log", check=False)
        return f"== {service}\n{said.stdout}{said.stderr}{files.stdout}"

    def remove(self) -> None:
        """Remove containers, networks and volumes."""
        self.compose("down", "-v", "--remove-orphans", "-t", "20", check=False)

    # pairing ----------------------------------------------------------------------------------------

    def pair(self, lmx: str, *options: str) -> str:
        """Pair the daemon with a service of LMX as a person does, with the code that LMX shows; what `opta lmx pair` printed."""
        showing = subprocess.Popen(
            ["docker", "exec", self.container(lmx), "opta", "lmx", "pair", "--admin"],
            env=self.environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert showing.stdout is not None
            code = showing.stdout.readline().split()[1]
            done = self.opta("daemon", "lmx", "pair", f"{lmx}:1234", "--code-stdin", *options, stdin=f"{code}\n")
            showing.wait(limit_s(20))
            return done.stdout
        finally:
            showing.kill()
            showing.communicate()

    # links ------------------------------------------------------------------------------------------

    def cut(self, service: str) -> str:
        """Take a service off the network of the models; its address there."""
        address = self.address(service, "models")
        self.docker("network", "disconnect", self.models, self.container(service))
        return address

    def restore(self, service: str, address: str) -> None:
        """Put it back with the same address and name."""
        self.docker("network", "connect", "--ip", address, "--alias", service, self.models, self.container(service))

    def address(self, service: str, network: str) -> str:
        """The address of a service on a network."""
        shown = self.docker("inspect", "--format", "{{json .NetworkSettings.Networks}}", self.container(service))
        return str(json.loads(shown.stdout)[f"{self.project}_{network}"]["IPAddress"])

    @property
    def models(self) -> str:
        """The network between the daemon and LMX."""
        return f"{self.project}_models"

    def on_link(self, service: str, line: str) -> None:
        """Run a shell line that may change the network of a service: `tc`, `iptables`. $DEV is its interface, which has another name
        after each time that it was cut off.
        """
        tag = self.environment["OPTA_TAG"]
        words = ["run", "--rm", "--network", f"container:{self.container(service)}", "--cap-add", "NET_ADMIN", f"opta-tools:{tag}"]
        self.docker(*words, "sh", "-ec", f"DEV=$(ls /sys/class/net | grep eth | tail -1); {line}")

    # the daemon's API -------------------------------------------------------------------------------

    @property
    def client(self) -> Client:
        """A client at the published port, with the token of now."""
        folder = self._home / "daemon"
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("state.json", "token"):
            (folder / name).write_text(self.exec("daemon", "cat", f"/var/lib/opta/daemon/{name}").stdout)
        return Client(Paths(self._home))

    def session(self, client: Client, **fields: Any) -> str:
        """A new session in the volume for work."""
        return str(client.post("/v3/sessions", {"cwd": "/work", **fields})["id"])

    def submit(self, client: Client, sid: str, text: str) -> str:
        """A new turn; its id."""
        return str(client.post(f"/v3/sessions/{sid}/turns", {"text": text}, new_key())["turnId"])

    def turn(self, client: Client, sid: str, text: str) -> list[dict[str, Any]]:
        """The events of a whole turn."""
        turn = self.submit(client, sid, text)
        return [event for event in follow(client, sid, turn) if event.get("turn") == turn]

    def journal(self, sid: str) -> list[str]:
        """The lines of a session on the volume."""
        return self.exec("daemon", "cat", f"/var/lib/opta/daemon/sessions/{sid}.jsonl").stdout.splitlines()

    def _run(self, command: Sequence[str], stdin: str, timeout_s: float, *, check: bool) -> "subprocess.CompletedProcess[str]":
        done = subprocess.run(
            command, cwd=ROOT, env=self.environment, input=stdin, capture_output=True, text=True, timeout=limit_s(timeout_s), check=False
        )
        if check and done.returncode:
            print(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout[-3000:]}{done.stderr[-3000:]}", file=sys.stderr)
            done.check_returncode()
        return done


def follow(client: Client, sid: str, turn: str, after: int = 0) -> list[dict[str, Any]]:
    """Every event of the session beyond `after` until the turn ends."""
    found: list[dict[str, Any]] = []
    for line in client.events(sid, after):
        found.append(json.loads(line))
        if found[-1].get("turn") == turn and found[-1]["event"] in ENDINGS:
            return found
    raise AssertionError("the stream ended")


def text_of(events: Sequence[dict[str, Any]]) -> str:
    """The answer of the last step of a turn, over all its attempts."""
    text = ""
    for event in events:
        if event["event"] == "step.start":
            text = text[: event.get("keptChars", 0)] if event["attempt"] > 1 else ""
        elif event["event"] == "turn.token":
            text += event["delta"]
    return text


def gaps(lines: Sequence[str]) -> list[int]:
    """Where the numbers of a journal's lines do not follow each other."""
    numbers = [json.loads(line)["seq"] for line in lines]
    return [after for before, after in itertools.pairwise([0, *numbers]) if after != before + 1]


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
