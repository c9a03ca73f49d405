"""The layers of rules that apply to a folder. They are read from their files and cached until a file changes."""

import contextlib
import os
import stat
from pathlib import Path

import msgspec

from ..clock import wall_s
from ..errors import Broken
from ..paths import Paths
from ..worktree_records import worktree_records
from . import grants, trust
from .grants import Grant
from .rules import Layer, PolicyProblem, Rule, parse
from .strict_yaml import BYTES_MAX
from .trust import State

MANAGED = Path("/etc/opta/policy.yaml")
POLICY = ".opta/policy.yaml"
# File systems record the time of a change with a resolution of some milliseconds. Two changes within it look like one.
_STAMP_NS = 50_000_000


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One problem of a policy, trust or grants file. `line` counts from 1; `fix` says what to do about it, '' when the message does."""

    file: str
    line: int
    message: str
    fix: str = ""
    is_warning: bool = False


class Layers(msgspec.Struct, frozen=True, kw_only=True):
    """All rules, grants and the trust that apply to a folder. `broken` names the layers that could not be read."""

    managed: tuple[Rule, ...] = ()
    user: tuple[Rule, ...] = ()
    project: tuple[Rule, ...] = ()
    trust: State = "untrusted"
    granted: tuple[Grant, ...] = ()
    broken: frozenset[Layer] = frozenset()
    problems: tuple[Problem, ...] = ()

    def rules(self, layer: Layer) -> tuple[Rule, ...]:
        """The rules of a layer that have not expired."""
        rules: tuple[Rule, ...] = {"managed": self.managed, "user": self.user, "project": self.project}.get(layer, ())
        if not any(rule.expires for rule in rules):
            return rules
        now_s = wall_s()
        return tuple(rule for rule in rules if not rule.has_expired(now_s))


class Sources:
    """Reads and caches the layers of folders. A repeated read costs a few `stat` calls while nothing has changed."""

    def __init__(self, paths: Paths, managed: Path = MANAGED):
        self._paths, self._managed = paths, managed
        self._kept: dict[str, tuple[object, Layers]] = {}

    def layers(self, cwd: str) -> Layers:
        """The layers for a folder. Never raises: a broken file makes the rules stricter and is reported in `problems`."""
        signature, newest_ns = self._signature(cwd)
        kept = self._kept.get(cwd)
        if kept is not None and kept[0] == signature:
            return kept[1]
        layers = self._read(cwd)
        if len(self._kept) > 64:
            self._kept.clear()
        if newest_ns < wall_s() * 1e9 - _STAMP_NS:
            self._kept[cwd] = signature, layers
        return layers

    def _signature(self, cwd: str) -> tuple[object, int]:
        sources = [
            self._managed, trust.file_of(self._paths), self._paths.home / "policies", *self._user_files(), grants.file_of(self._paths),
            worktree_records(self._paths).file,
        ]  # fmt: skip
        stamps = tuple(_stamp(file) for file in sources)
        watched, newest_ns = trust.signature(cwd)
        return (stamps, watched), max(newest_ns, *(ctime_ns for _, ctime_ns in stamps))

    def _user_files(self) -> list[Path]:
        folder = self._paths.home / "policies"
        with contextlib.suppress(OSError):
            return sorted(folder / name for name in os.listdir(folder) if name.endswith((".yaml", ".yml")) and not name.startswith("."))
        return []

    def _read(self, cwd: str) -> Layers:
        problems: list[Problem] = []
        broken: set[Layer] = set()
        managed = self._file(self._managed, "managed", problems, broken)
        user = [rule for file in self._user_files() for rule in self._file(file, "user", problems, broken)]
        state, trusted = self._trust(cwd, problems)
        project = self._project(cwd, trusted, problems, broken)
        granted: list[Grant] = []
        try:
            granted = grants.read(self._paths)
        except Broken as error:
            problems.append(Problem(file=str(grants.file_of(self._paths)), line=1, message=error.message))
        return Layers(
            managed=tuple(managed),
            user=tuple(user),
            project=tuple(project),
            trust=state,
            granted=tuple(granted),
            broken=frozenset(broken),
            problems=tuple(problems),
        )

    def _trust(self, cwd: str, problems: list[Problem]) -> tuple[State, trust.Snapshot | None]:
        """(state of the trust, the snapshot that was compared if the folder is trusted). Rules that loosen are parsed from that snapshot."""
        try:
            record = trust.record_for(self._paths, os.path.realpath(cwd))
            # Only a folder with a trust record is read completely, to see whether the record still holds.
            if record is None:
                return "untrusted", None
            snapshot = trust.take(cwd)
            state = trust.state_of(record, snapshot)
        except Exception as error:  # a record that cannot be read means an untrusted folder, whatever is wrong with it
            problems.append(Problem(file=str(trust.file_of(self._paths)), line=1, message=str(error)))
            return "untrusted", None
        return state, snapshot if state == "trusted" else None

    def _project(self, cwd: str, trusted: trust.Snapshot | None, problems: list[Problem], broken: set[Layer]) -> list[Rule]:
        name = f"{cwd}/.opta/policy.yaml"
        if trusted is not None:
            content = trusted.contents.get(POLICY)
            return [] if content is None else _parsed(content, name, "project", problems, broken)
        try:
            # In an untrusted folder these rules only tighten, so it does not matter which bytes are read.
            content = _read_beneath(cwd)
        except FileNotFoundError:
            return []
        except OSError as error:
            problems.append(Problem(file=name, line=1, message=error.strerror or str(error), fix="make it a plain file, or remove it"))
            broken.add("project")
            return []
        return _parsed(content, name, "project", problems, broken)

    def _file(self, file: Path, layer: Layer, problems: list[Problem], broken: set[Layer]) -> list[Rule]:
        try:
            content = _read_plain(os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC))
        except FileNotFoundError:
            return []
        except OSError as error:
            problems.append(Problem(file=str(file), line=1, message=error.strerror or str(error), fix="make it a readable plain file"))
            broken.add(layer)
            return []
        return _parsed(content, str(file), layer, problems, broken)


def _parsed(content: bytes, name: str, layer: Layer, problems: list[Problem], broken: set[Layer]) -> list[Rule]:
    try:
        rules, warnings = parse(content, name, by_project=layer == "project")
    except Exception as error:  # a file that cannot be read makes the rules stricter and is reported, whatever is wrong with it
        problem = error if isinstance(error, PolicyProblem) else PolicyProblem(f"it could not be read ({error})")
        meanwhile = "until then the defaults apply" if layer == "project" else "until then every tool call asks"
        problems.append(Problem(file=name, line=problem.line, message=str(problem), fix=f"fix that line; {meanwhile}"))
        broken.add(layer)
        return []
    problems += [Problem(file=name, line=1, message=warning, is_warning=True) for warning in warnings]
    return rules


def _read_beneath(cwd: str) -> bytes:
    """The content of the project's policy file, opened without following a symbolic link."""
    root = os.open(cwd, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        folder = os.open(".opta", os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=root)
        try:
            return _read_plain(os.open("policy.yaml", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder))
        finally:
            os.close(folder)
    finally:
        os.close(root)


def _read_plain(descriptor: int) -> bytes:
    with os.fdopen(descriptor, "rb") as handle:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(0, "it is not a plain file")
        return handle.read(BYTES_MAX + 1)


def _stamp(file: Path) -> tuple[tuple[object, ...], int]:
    try:
        seen = os.stat(file)
    except OSError:
        return (str(file),), 0
    return (str(file), seen.st_ino, seen.st_size, seen.st_mtime_ns), seen.st_ctime_ns
