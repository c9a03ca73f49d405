"""Skills: folders with a SKILL.md that says how a kind of task is done, as other agents know them.

Those of the user lie in `skills` of Opta's home. Those of a project lie in `.opta/skills`, `.agents/skills` and `.claude/skills`, and
count only in a folder that the user trusts. Finding them reads the heads of their files and runs nothing.

**Invariant:** only files are read that lie in these folders, whatever links lead to; commands can write into none of them.
"""

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec

from .errors import OptaError
from .paths import Paths
from .policy import trust
from .skill_file import FILE_BYTES_MAX, SkillHead, SkillProblem, read_head

SKILL_FILE = "SKILL.md"
# Of one folder of skills. More would not fit into a prompt, and would be read before each turn.
SKILLS_MAX, ENTRIES_MAX = 200, 2000
PROJECT_FOLDERS = (".opta", ".agents", ".claude")


# File -> what changes with it, and its head or why it has none. Turns look each time, and mostly nothing has changed.
KNOWN_MAX = 2000
_read: dict[str, tuple[tuple[int, ...], SkillHead | SkillProblem]] = {}


class Skill(msgspec.Struct, frozen=True, kw_only=True):
    """One skill. `path`: of its SKILL.md as tools take it, relative to the workspace or in the user's folder.

    `is_listed`: models read its name and description; one that its author keeps for people is not listed.
    """

    name: str
    description: str
    origin: Literal["user", "project"]
    path: str
    is_listed: bool = True


class SkillsFound(msgspec.Struct, frozen=True, kw_only=True):
    """The skills for a folder, the user's first, and which were not taken, with the reason: `path: reason`."""

    skills: list[Skill] = []
    problems: list[str] = []


class _Place(msgspec.Struct, frozen=True):
    """A folder of skills: its real path, and how tools name it."""

    origin: Literal["user", "project"]
    real: str
    shown: str


def find(paths: Paths, cwd: str) -> SkillsFound:
    """The skills for a folder; '' for the user's alone. Reads files, and raises nothing."""
    problems: list[str] = []
    by_name: dict[str, Skill] = {}
    looked_at: set[tuple[int, int]] = set()
    taken: set[str] = set()
    user = _user_place(paths)
    for place in [user, *(_project_places(paths, cwd, problems) if cwd else [])]:
        with contextlib.suppress(OSError):
            seen = Path(place.real).stat()
            if (seen.st_dev, seen.st_ino) in looked_at:
                # One folder under several names, as where a project links its skills for several agents.
                continue
            looked_at.add((seen.st_dev, seen.st_ino))
        for shown, head in _heads(place, problems, taken):
            if (known := by_name.get(head.name.casefold())) is not None:
                problems.append(f"{shown}: there is a skill {head.name} already ({known.path})")
                continue
            by_name[head.name.casefold()] = Skill(
                name=head.name, description=head.description, origin=place.origin, path=shown, is_listed=head.is_listed
            )
    return SkillsFound(skills=list(by_name.values()), problems=problems)


def may_be_any(paths: Paths, cwd: str) -> bool:
    """Whether there may be skills for a folder; costs a few looks, and reads no file."""
    folders = [str(paths.skills), *(f"{cwd}/{name}/skills" for name in PROJECT_FOLDERS if cwd)]
    return any(_has_entries(folder) for folder in folders)


def _has_entries(folder: str) -> bool:
    try:
        with os.scandir(folder) as entries:
            return any(True for _ in entries)
    except (OSError, ValueError):
        return False


def _user_place(paths: Paths) -> _Place:
    real, home = paths.shown(paths.skills), str(Path.home())
    return _Place("user", real, f"~/{real.removeprefix(f'{home}/')}" if real.startswith(f"{home}/") else real)


def _project_places(paths: Paths, cwd: str, problems: list[str]) -> list[_Place]:
    root = os.path.realpath(cwd)
    found = [name for name in PROJECT_FOLDERS if os.path.lexists(f"{root}/{name}/skills")]
    if not found:
        return []
    names = ", ".join(f"{name}/skills" for name in found)
    try:
        record = trust.read(paths).get(root)
        state = trust.state_of(record, trust.take(root)) if record is not None else "untrusted"
    except OptaError as error:
        problems.append(f"{names}: {error.message}")
        return []
    if state != "trusted":
        why = "you have not trusted this folder" if state == "untrusted" else "the folder's files changed since you trusted it"
        problems.append(f"{names}: not used, because {why}: opta policy trust")
        return []
    # A link may lead from one of these folders to another; all of them are out of the reach of commands.
    bases = [f"{root}/{name}" for name in PROJECT_FOLDERS]
    places: list[_Place] = []
    for name in found:
        real = os.path.realpath(f"{root}/{name}/skills")
        if Path(f"{root}/{name}").is_symlink() or not any(real.startswith(f"{base}/") for base in bases):
            problems.append(f"{name}/skills: it is a link that leads out of {', '.join(PROJECT_FOLDERS)}")
        elif not Path(real).is_dir():
            problems.append(f"{name}/skills: it is not a folder")
        else:
            places.append(_Place("project", real, real.removeprefix(f"{root}/")))
    return places


def _heads(place: _Place, problems: list[str], taken: set[str]) -> Iterator[tuple[str, SkillHead]]:
    """(path of a SKILL.md, its head), in the order of the folders' names."""
    try:
        with os.scandir(place.real) as entries:
            names = sorted(entry.name for _, entry in zip(range(ENTRIES_MAX), entries, strict=False) if not entry.name.startswith("."))
    except FileNotFoundError:
        return
    except OSError as error:
        problems.append(f"{place.shown}: {error.strerror or error}")
        return
    count = 0
    for name in names:
        shown = f"{place.shown}/{_printable(name)}"
        if count >= SKILLS_MAX:
            problems.append(f"{place.shown}: it holds more than {SKILLS_MAX} skills; the first {SKILLS_MAX} are used")
            return
        try:
            head = _head(place, name, taken)
            if head is None:
                continue
        except SkillProblem as problem:
            problems.append(f"{shown}: {problem.message}")
            continue
        except (OSError, ValueError) as error:
            problems.append(f"{shown}: {getattr(error, 'strerror', None) or error}")
            continue
        count += 1
        yield f"{place.shown}/{name}/{SKILL_FILE}", head


def _head(place: _Place, name: str, taken: set[str]) -> SkillHead | None:
    """The head of a skill's file; None for what is no skill, or one of `taken`, their real folders. Raises SkillProblem, OSError."""
    folder = Path(place.real) / name
    if not folder.is_dir():
        if folder.is_symlink():
            raise SkillProblem("it is a link that leads nowhere, or to no folder")
        if name.endswith(".md"):
            raise SkillProblem(f"a skill is a folder with a {SKILL_FILE}; put this file into a folder of its own")
        return None
    if not name.isprintable():
        raise SkillProblem("the name of its folder holds characters that are not shown")
    real, file = os.path.realpath(folder), os.path.realpath(folder / SKILL_FILE)
    if real in taken:
        # A link to a skill that was found already, as installers make them for several agents.
        return None
    taken.add(real)
    if not real.startswith(f"{place.real}/") or not file.startswith(f"{place.real}/"):
        raise SkillProblem(f"it is a link that leads out of {place.shown}; put the folder itself there")
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise SkillProblem(f"it has no {SKILL_FILE}") from None
    try:
        return _of_file(descriptor, file, name)
    finally:
        os.close(descriptor)


def _of_file(descriptor: int, file: str, name: str) -> SkillHead:
    seen = os.fstat(descriptor)
    if not stat.S_ISREG(seen.st_mode):
        raise SkillProblem(f"its {SKILL_FILE} is not a file")
    if seen.st_size > FILE_BYTES_MAX:
        raise SkillProblem(f"its {SKILL_FILE} has {seen.st_size} bytes; at most {FILE_BYTES_MAX} are read. Move parts into files beside it")
    stamp = seen.st_dev, seen.st_ino, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns
    known = _read.get(file)
    if known is None or known[0] != stamp:
        try:
            found = read_head(os.read(descriptor, FILE_BYTES_MAX), name)
        except SkillProblem as problem:
            found = problem
        if len(_read) >= KNOWN_MAX:
            _read.clear()
        known = _read[file] = stamp, found
    if isinstance(known[1], SkillProblem):
        raise SkillProblem(known[1].message)
    return known[1]


def _printable(name: str) -> str:
    return name if name.isprintable() else ascii(name)[1:-1]
