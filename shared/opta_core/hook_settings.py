"""The user's hooks: `[[hooks]]` of config.toml. Only the user's own file has them; a project cannot add one.

Order and effect are those of the file. What a hook says never allows a call: the gate decides on it as if there were no hooks.
"""

import fnmatch
import os
from pathlib import Path
from typing import Any, Literal

import msgspec

from opta_protocol.hook_events import HookOn

from .errors import Refused

HOOKS_MAX = 32
TIMEOUT_S_MAX = 300.0
# Placeholders of `command`: the absolute path of the file that the call names, and the session's folder.
PATH, FOLDER = "{path}", "{cwd}"


class HookSettings(msgspec.Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """One hook. `command`: a program with its arguments, never a line for a shell. `tools`: patterns of tool names; [] for every tool."""

    on: HookOn
    command: list[str]
    name: str = ""
    tools: list[str] = msgspec.field(default_factory=list[str])
    timeout_s: float = 30.0
    # What follows when the hook crashes, takes too long or gives no answer that counts: "stop" refuses the call before which it runs,
    # "go-on" does not. After a tool and at a turn's end there is nothing to refuse, so it is always "go-on" there.
    on_failure: Literal["", "stop", "go-on"] = ""

    @property
    def title(self) -> str:
        """Its name; without one, the program's."""
        return self.name or self.command[0].rstrip("/").rpartition("/")[2]

    @property
    def is_open(self) -> bool:
        """Whether a call goes on when the hook fails."""
        return self.on != "before-tool" or self.on_failure == "go-on"

    def fits(self, tool: str, args: dict[str, Any]) -> bool:
        """Whether the hook is about a call of this tool. One whose command names `{path}` is about calls with a path."""
        if self.tools and not any(fnmatch.fnmatchcase(tool, pattern) for pattern in self.tools):
            return False
        return not self.needs_path or isinstance(args.get("path"), str)

    @property
    def needs_path(self) -> bool:
        """Whether the command names the file of the call."""
        return any(PATH in part for part in self.command)


def find_program(name: str, folder: Path, search_path: str, workspace: str = "") -> str:
    """The file of a hook's program, '' when there is none: by its path, in the folder of hooks, or on the PATH without the workspace."""
    path = Path(name).expanduser()
    if path.is_absolute():
        return str(path) if _is_program(path) else ""
    found = [folder / name]
    for each in search_path.split(os.pathsep):
        real = os.path.realpath(each)
        if Path(each).is_absolute() and not (workspace and f"{real}/".startswith(f"{workspace}/")):
            found.append(Path(each) / name)
    return next((str(file) for file in found if _is_program(file)), "")


def missing_program(name: str, folder: Path) -> str:
    """What to say of a program that was not found."""
    where = "at that path" if name.startswith(("/", "~")) else f"in {folder} and on the PATH"
    return f"there is no program {name[:100]!r} that can be run {where}"


def _is_program(file: Path) -> bool:
    return file.is_file() and os.access(file, os.X_OK)


def check_hooks(hooks: list[HookSettings]) -> None:
    """Raise Refused, which names the hook, when the hooks cannot be used."""
    if len(hooks) > HOOKS_MAX:
        raise Refused(f"There are {len(hooks)} hooks; at most {HOOKS_MAX} are used.")
    known: set[tuple[str, str]] = set()
    for number, hook in enumerate(hooks, 1):
        if not hook.command or not hook.command[0].strip():
            raise Refused(
                f'hooks: hook {number} ({hook.on}) has no command. Give a program and its arguments: command = ["program", "argument"].'
            )
        where = f"hooks: hook {number}, {hook.title[:60]!r}"
        if problem := _problem(hook):
            raise Refused(f"{where}, {problem}.")
        if (hook.on, hook.title) in known:
            raise Refused(f'{where}, has the name of another {hook.on} hook. Give it a name of its own: name = "…".')
        known.add((hook.on, hook.title))


def _problem(hook: HookSettings) -> str:
    program = hook.command[0]
    if any("\0" in part for part in (*hook.command, hook.name)):
        return "contains a null character"
    if "{" in program:
        return "names its program by a placeholder; {path} and {cwd} are for its arguments"
    if "/" in program and not program.startswith(("/", "~/")):
        return f"names its program by a relative path. Give {program!r} as an absolute path, or put the program into the folder hooks of Opta's home"
    if len(hook.title) > 60 or not hook.title.isprintable():
        return "has a name that is longer than 60 characters or not printable"
    if not 0 < hook.timeout_s <= TIMEOUT_S_MAX:
        return f"has timeout-s = {hook.timeout_s:g}; it must be more than 0 and at most {TIMEOUT_S_MAX:g}"
    if hook.on_failure == "stop" and hook.on != "before-tool":
        return f'has on-failure = "stop", which only a before-tool hook can have: {hook.on} comes after what it could stop'
    if hook.on == "turn-end" and (hook.tools or hook.needs_path):
        return "is about the end of a turn, so it cannot name tools or {path}"
    return ""
