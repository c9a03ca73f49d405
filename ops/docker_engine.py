"""A container engine for `ops/compose-test`: the one that runs here, or one that is started for the test and stopped after it.

Nothing is installed or started for a user who is not root, and an engine that was running is left as it was.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Generator, Sequence
from pathlib import Path

# Program -> the Debian package that has it.
PROGRAMS = {"dockerd": "docker.io", "docker": "docker.io", "docker-compose": "docker-compose", "iptables": "iptables"}
# Of an engine that is started here. It keeps images there until the next run.
STATE = Path(os.environ.get("OPTA_COMPOSE_STATE") or "/var/lib/opta-compose")
START_S, STOP_S, INSTALL_S, ANSWER_S = 60.0, 60.0, 900.0, 20.0
SOCKET = "docker.sock"


class NoEngine(Exception):
    """There is no engine, and none can be started here; the message says why."""


class DockerEngine:
    """An engine that answers. `host`: the value of DOCKER_HOST, '' for the default one; `is_ours`: whether this run started it."""

    def __init__(self, host: str, *, is_ours: bool):
        self.host, self.is_ours = host, is_ours

    @property
    def environment(self) -> dict[str, str]:
        """The environment of its clients."""
        return {**os.environ, **({"DOCKER_HOST": self.host} if self.host else {})}

    def run(
        self, *words: str, timeout_s: float = 600.0, check: bool = True, content: str | None = None
    ) -> "subprocess.CompletedProcess[str]":
        """Run `docker WORDS`. Raises CalledProcessError, with what it said, and TimeoutExpired."""
        done = subprocess.run(
            ["docker", *words], env=self.environment, input=content or "", capture_output=True, text=True, timeout=timeout_s, check=False
        )
        if check and done.returncode:
            print(f"docker {' '.join(words)} failed:\n{done.stdout[-3000:]}{done.stderr[-3000:]}", file=sys.stderr)
            done.check_returncode()
        return done

    def has_image(self, name: str) -> bool:
        """Whether it has an image."""
        return self.run("image", "inspect", name, check=False).returncode == 0

    def image_mb(self, name: str) -> float:
        """The size of an image, in megabytes."""
        return int(self.run("image", "inspect", "--format", "{{.Size}}", name).stdout) / 1e6


@contextlib.contextmanager
def engine() -> Generator[DockerEngine]:
    """The engine to use. One that is started here is stopped at the end. Raises NoEngine."""
    running = _running(os.environ.get("DOCKER_HOST", ""))
    if running is not None and shutil.which("docker-compose"):
        yield running
        return
    if reason := why_not():
        raise NoEngine(reason)
    _install()
    running = _running(os.environ.get("DOCKER_HOST", ""))
    if running is not None:
        yield running
        return
    with _started() as started:
        yield started


def why_not() -> str:
    """Why no engine could be started here; '' when one could. Starts and installs nothing."""
    if sys.platform != "linux":
        return "an engine can be started on Linux only; start one (Docker Desktop, colima), and install docker-compose"
    if os.geteuid() != 0:
        return "no engine answers (docker info), or docker-compose is missing, and only root can start one"
    missing = [program for program in PROGRAMS if not shutil.which(program)]
    if missing and not shutil.which("apt-get"):
        return f"these programs are missing: {', '.join(missing)}"
    return ""


def install(packages: Sequence[str]) -> None:
    """Install Debian packages by the machine's own configuration of apt. Raises NoEngine."""
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for words in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", *packages]):
        done = subprocess.run(["apt-get", *words], env=quiet, capture_output=True, text=True, timeout=INSTALL_S, check=False)
        if done.returncode:
            raise NoEngine(f"apt-get {' '.join(words)} failed: {done.stderr.strip()[-500:]}")


def _install() -> None:
    packages = sorted({package for program, package in PROGRAMS.items() if not shutil.which(program)})
    if packages:
        print(f"installing {' '.join(packages)}", flush=True)
        install(packages)


def _running(host: str) -> DockerEngine | None:
    if not shutil.which("docker"):
        return None
    found = DockerEngine(host, is_ours=False)
    try:
        return found if found.run("info", timeout_s=ANSWER_S, check=False).returncode == 0 else None
    except subprocess.TimeoutExpired:
        return None


@contextlib.contextmanager
def _started() -> Generator[DockerEngine]:
    STATE.mkdir(mode=0o711, parents=True, exist_ok=True)
    host = f"unix://{STATE / SOCKET}"
    command = [
        "dockerd", "--data-root", str(STATE / "data"), "--exec-root", str(STATE / "exec"), "--pidfile", str(STATE / "dockerd.pid"), "-H", host,
    ]  # fmt: skip
    with open(STATE / "dockerd.log", "wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        started = DockerEngine(host, is_ours=True)
        deadline = time.monotonic() + START_S
        while started.run("info", timeout_s=ANSWER_S, check=False).returncode:
            if process.poll() is not None or time.monotonic() > deadline:
                raise NoEngine(f"dockerd did not start: {(STATE / 'dockerd.log').read_text(errors='replace')[-1500:]}")
            time.sleep(0.2)
        yield started
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
