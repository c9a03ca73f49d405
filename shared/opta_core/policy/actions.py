"""A tool call in normal form: the actions that it performs. Rules match this form, and the tool-worker receives it."""

import os
from typing import Any

import msgspec

from opta_protocol.permissions import Risk
from opta_protocol.tools.tool import AnyTool, Kind

from . import command_line, contained_line
from .contained_line import Contained
from .contained_paths import is_instruction
from .contained_program import written_problem
from .contained_scripts import scripts_loss
from .destructive_commands import WorkingFolders, loss_of
from .filters import is_filter
from .option_checks import veto
from .path_names import is_secret as is_secret
from .path_names import origin_of as origin_of
from .path_names import protected as protected
from .path_names import readable_root as readable_root
from .path_names import real_cwd as real_cwd
from .path_names import relative_to as relative_to

# A command line that may run in more folders than this is judged as if it ran outside the workspace.
FOLDERS_MAX = 64


class Action(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One action of a call. `path` is relative to the workspace; '' when it leads out of the workspace or there is none."""

    kind: Kind
    tool: str
    risk: Risk
    subject: str = ""
    path: str = ""
    is_outside: bool = False
    argv: tuple[str, ...] = ()
    program: str = ""
    # What a command does that cannot be undone, in a sentence for people; '' for nothing.
    loss: str = ""
    # What the project's scripts destroy that a runner would start (`npm run clean`), in a sentence for people; '' for nothing.
    script_loss: str = ""
    # Why a call asks because of a file that it may write: instructions for agents, or a text that a command's output replaces.
    writes: str = ""
    # The folders that a command may run in.
    folders: tuple[str, ...] = ()
    # Whether a command only passes on what another one pipes into it.
    is_filter: bool = False
    origin: str = ""
    server: str = ""
    # sha256 of an MCP tool's description and schema. A grant ends when it changes.
    schema: str = ""


class PolicyRequest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A tool call with its actions. `command` is set for a tool that runs one; a plain command has one action for each program.

    `contained`: whether the full sandbox holds a command whose words alone do not say what it does; None for any other call.
    """

    tool: str
    cwd: str
    args: dict[str, Any]
    actions: tuple[Action, ...]
    command: command_line.CommandLine | None = None
    contained: Contained | None = None


def normalise(tool: AnyTool, args: dict[str, Any], cwd: str, *, path: str = "", readable: tuple[str, ...] = ()) -> PolicyRequest:
    """The actions of a call of `tool` with arguments `args` in the workspace `cwd`. `path`: the PATH in which programs are looked up.

    `readable`: the paths outside the workspace that file tools may read (setting `sandbox.read`).
    """
    name, risk, kind = tool.name, tool.risk, tool.kind
    command: command_line.CommandLine | None = None
    contained: Contained | None = None
    if kind == "run":
        text = str(args.get("command", ""))
        search = command_line.search_path(path, cwd)
        command = command_line.read(text, search, cwd)
        given = args.get("cwd")
        start = os.path.join(cwd, given) if isinstance(given, str) else cwd
        actions = _programs(command, name, risk, cwd, start) or (Action(kind=kind, tool=name, risk=risk, subject=text[:200]),)
        if not command.is_plain or any(veto(action.argv, action.program) for action in actions):
            contained = contained_line.read(text, cwd, start, search)
            if args.get("background"):
                contained = msgspec.structs.replace(contained, why=contained.why or "it runs in the background")
    elif tool.server:
        actions = (Action(kind="mcp", tool=name, risk=risk, subject=name, server=tool.server, schema=tool.schema),)
    elif kind == "browse":
        url = str(args.get("url", ""))
        actions = (Action(kind=kind, tool=name, risk=risk, subject=url[:200] or name, origin=origin_of(url)),)
    else:
        given = str(args.get("path", "" if kind == "plan" else "."))
        inside = relative_to(cwd, given)
        if inside is None and risk is Risk.read and readable_root(given, readable):
            inside = given
        writes = f"{given[:60]} tells agents what to do" if kind == "write" and is_instruction(given) else ""
        path = "" if inside is None else inside
        actions = (Action(kind=kind, tool=name, risk=risk, subject=given[:200], path=path, is_outside=inside is None, writes=writes),)
    return PolicyRequest(tool=name, cwd=cwd, args=args, actions=actions, command=command, contained=contained)


def _programs(command: command_line.CommandLine, tool: str, risk: Risk, workspace: str, start: str) -> tuple[Action, ...]:
    """One action for each program of a line, with the folders that it may run in: a `cd` may have failed unless `&&` follows it."""
    possible = went = (start,)
    is_sure = not any(part.joined_by in ("|", "||") for part in command.parts)
    found: list[Action] = []
    for part in command.parts:
        folders = went if is_sure and part.joined_by == "&&" else possible
        loss = loss_of(part.argv, WorkingFolders(workspace, folders), part.program)
        subject = " ".join(part.argv)[:200]
        found.append(
            Action(
                kind="run",
                tool=tool,
                risk=risk,
                subject=subject,
                argv=part.argv,
                program=part.program,
                loss=loss,
                script_loss=scripts_loss(part.argv, folders, workspace),
                writes=written_problem(part.argv, folders),
                folders=folders,
                is_filter=part.joined_by == "|" and is_filter(part.argv) and bool(part.program),
            )
        )
        went = folders
        if part.argv[0] == "cd":
            target = part.argv[1] if len(part.argv) == 2 and part.argv[1] != "-" else "/"
            went = tuple(dict.fromkeys(os.path.normpath(os.path.join(folder, target)) for folder in folders))
            possible = tuple(dict.fromkeys((*possible, *went)))
            if len(possible) > FOLDERS_MAX:
                possible = went = ("/",)
    return tuple(found)
