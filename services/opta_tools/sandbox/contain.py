"""Containment as this machine has it: found out once, by starting something in it, and then used for every command."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator
from pathlib import Path

from opta_core.logs import Log
from opta_core.system_programs import find

from ..outcome import ToolProblem
from . import bwrap, launcher, seatbelt, seccomp
from .masks import Masks
from .profile import Level, Network, Profile, hidden_paths

_LAUNCHER = [sys.executable, "-I", "-S", str(Path(__file__).with_name("launcher.py"))]
# Of the root folder, what a landlocked process reads; its home is read but for what is hidden.
_NOT_READ = frozenset({"home", "root", "run", "tmp", "var", "mnt", "media", "lost+found", "boot"})
PROXY_PORT = 3128
PROBE_S = 5.0
log = Log("sandbox")


class Launch:
    """A command made ready: its `argv`, the descriptors it inherits, and the proxy's socket once it runs."""

    def __init__(self, argv: list[str], descriptors: tuple[int, ...] = (), proxy: socket.socket | None = None):
        self.argv, self.descriptors, self.proxy = argv, descriptors, proxy

    def close(self) -> None:
        """The process has its own copies now."""
        for descriptor in self.descriptors:
            with contextlib.suppress(OSError):
                os.close(descriptor)


class Sandbox:
    """`own`: the daemon's folders, which no command sees. `state`: where its bookkeeping and the workspaces' caches lie."""

    def __init__(self, home: Path, own: tuple[Path, ...], state: Path, *, wanted: Callable[[Level], bool] = lambda level: True):
        # Real paths: a mount over a link is one over what it leads to.
        self._home, self._own = home.resolve(), tuple(path.resolve() for path in own)
        self._caches = state.resolve() / "caches"
        self.masks = Masks(state / "standins.json")
        self.level: Level = "none"
        self.reason = ""
        self._wanted = wanted

    def probe(self) -> None:
        """Find the strongest containment that works here. Takes some tens of milliseconds; called once at start."""
        self.masks.clean_up()
        reasons: list[str] = []
        tries: tuple[tuple[Level, Callable[[], str]], ...] = (
            ("full", self._try_bwrap),
            ("seatbelt", self._try_seatbelt),
            ("landlock", self._try_landlock),
        )
        for level, works in tries:
            if not self._wanted(level):
                continue
            problem = works()
            if not problem:
                self.level = level
                break
            reasons.append(f"{level}: {problem}")
        self.reason = "; ".join(reasons) if self.level != "full" else ""
        log.info("sandbox", level=self.level, reason=self.reason)

    def profile(self, workspace: str, folder: str, network: Network, *, is_read_only: bool = False) -> Profile:
        """The containment of one process of a workspace. Makes the workspace's own cache folder. Raises ToolProblem for one that shows all."""
        if workspace == "/" or any(_is_same_or_above(str(own), workspace) for own in self._own):
            raise ToolProblem(f"{workspace} is no folder to work in", "sandbox")
        cache = self._caches / _name_of(workspace)
        cache.mkdir(mode=0o700, parents=True, exist_ok=True)
        hidden = hidden_paths(self._home, self._own)
        port = PROXY_PORT if network == "list" else 0
        scratch = ""
        if self.level in ("landlock", "seatbelt"):
            scratch = f"{cache}/tmp"
            os.makedirs(scratch, mode=0o700, exist_ok=True)
        return Profile(
            workspace=workspace,
            folder=folder,
            network=network,
            hidden=hidden,
            cache=str(cache),
            home=str(self._home),
            proxy_port=port,
            is_read_only=is_read_only,
            scratch=scratch,
        )

    @contextlib.contextmanager
    def around(self, profile: Profile) -> Generator[None, None, None]:
        """Keeps a workspace's control files safe while a command of it runs."""
        self.masks.hold(profile.workspace)
        try:
            yield
        finally:
            self.masks.release(profile.workspace)

    def launch(self, profile: Profile, argv: list[str], env: dict[str, str] | None = None) -> Launch:
        """`argv` in its containment, with `env` besides; that reaches the command and not what contains it. Raises ToolProblem when there is none: nothing runs bare because a wrapper failed."""
        match self.level:
            case "full":
                return self._bwrap(profile, argv, env or {})
            case "landlock":
                return self._landlock(profile, argv, env or {})
            case "seatbelt":
                pairs = [f"{name}={value}" for name, value in (env or {}).items()]
                return Launch(
                    [
                        *seatbelt.arguments(profile, profile.scratch or profile.workspace),
                        *(["/usr/bin/env", *pairs] if pairs else []),
                        *argv,
                    ]
                )
            case "none":
                raise ToolProblem(f"there is no sandbox on this machine ({self.reason})", "sandbox")

    def _bwrap(self, profile: Profile, argv: list[str], env: dict[str, str]) -> Launch:
        filters = _in_memory(seccomp.program())
        words = [*bwrap.arguments(profile, filters, env), *argv]
        if profile.network != "list":
            return Launch(words, (filters,))
        here, there = socket.socketpair()
        settings = json.dumps({"port": profile.proxy_port, "to_worker": there.fileno()})
        return Launch([*_LAUNCHER, "netns", settings, "--", *words], (filters, there.detach()), here)

    def _landlock(self, profile: Profile, argv: list[str], env: dict[str, str]) -> Launch:
        read = [path for name in sorted(os.listdir("/")) if name not in _NOT_READ for path in _without(f"/{name}", profile.hidden)]
        read += _without(str(self._home), profile.hidden)
        write = [
            *([] if profile.is_read_only else [profile.workspace]),
            profile.cache,
            "/dev/null",
            "/dev/zero",
            "/dev/tty",
            "/dev/full",
            "/dev/random",
            "/dev/urandom",
        ]
        settings = {
            "read": [*read, profile.workspace],
            "write": write,
            "network": profile.network,
            "folder": profile.folder,
            "env": env,
            "seccomp": seccomp.program(without_internet=profile.network == "off").hex(),
        }
        if profile.network == "list":
            raise ToolProblem("sandbox.network is an allow-list, which needs user namespaces; this machine has none", "sandbox")
        return Launch([*_LAUNCHER, "landlock", json.dumps(settings), "--", *argv])

    def _try_bwrap(self) -> str:
        if sys.platform != "linux":
            return "Linux only"
        if find("bwrap") is None:
            return "bubblewrap is not installed (Debian: apt install bubblewrap)"
        if not seccomp.program():
            return "no seccomp filter for this kind of processor"
        return self._try("full")

    def _try_seatbelt(self) -> str:
        return self._try("seatbelt") if sys.platform == "darwin" else "macOS only"

    def _try_landlock(self) -> str:
        if sys.platform != "linux" or not seccomp.program() or launcher.version() < 1:
            return "the kernel has no landlock"
        return self._try("landlock")

    def _try(self, level: Level) -> str:
        """Why a real command cannot run contained this way; '' when it can."""
        before, self.level = self.level, level
        try:
            with tempfile.TemporaryDirectory(prefix="opta-probe-") as folder:
                folder = os.path.realpath(folder)
                profile = Profile(workspace=folder, folder=folder, hidden=hidden_paths(self._home, self._own))
                launch = self.launch(profile, ["/bin/sh", "-c", "echo contained > probe"])
                done = subprocess.run(
                    launch.argv, pass_fds=launch.descriptors, cwd=folder, capture_output=True, timeout=PROBE_S, check=False, text=True
                )
                launch.close()
                if done.returncode == 0 and (Path(folder) / "probe").exists():
                    return ""
                return (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1][:200]
        except (OSError, subprocess.SubprocessError, ToolProblem) as error:
            return str(error)[:200]
        finally:
            self.level = before


def _without(path: str, hidden: tuple[str, ...]) -> list[str]:
    """A path, or as much of what lies in it as can be named without anything hidden."""
    if path in hidden or os.path.islink(path):
        return []
    if not any(secret.startswith(f"{path}/") for secret in hidden):
        return [path]
    try:
        return [part for entry in sorted(os.listdir(path)) for part in _without(f"{path}/{entry}", hidden)]
    except OSError:
        return []


def _in_memory(content: bytes) -> int:
    descriptor = os.memfd_create("opta-seccomp")
    os.write(descriptor, content)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def _name_of(workspace: str) -> str:
    import hashlib

    return hashlib.sha256(os.fsencode(workspace)).hexdigest()[:16]


def _is_same_or_above(path: str, other: str) -> bool:
    return other == path or other.startswith(path.rstrip("/") + "/")
