"""A tool call as what it does to the world: the one form that rules match and the tool-worker receives."""

import os
import unicodedata
from pathlib import PurePosixPath
from typing import Any

import msgspec

from opta_protocol.permissions import Risk
from opta_protocol.tools.tool import AnyTool, Kind

from . import command_line
from .control_files import ControlFile, control_file
from .destroyers import WorkingFolders, destroys

# A line that may be standing in more folders than this is judged as standing outside the workspace.
FOLDERS_MAX = 64

_SECRET_SUFFIXES = (".pem", ".key", ".p12", ".pfx", ".jks", ".keystore")
_SECRET_NAMES = frozenset(
    {
        ".npmrc",
        ".netrc",
        "_netrc",
        ".pypirc",
        ".git-credentials",
        ".htpasswd",
        "id_rsa",
        "id_dsa",
        "id_ecdsa",
        "id_ed25519",
        ".dockercfg",
        "credentials",
    }
)
_SECRET_EXAMPLES = (".env.example", ".env.sample", ".env.template", ".env.dist")


class Action(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing a call does. `path` is relative to the workspace, '' when it leads out of it or there is none."""

    kind: Kind
    tool: str
    risk: Risk
    subject: str = ""
    path: str = ""
    is_outside: bool = False
    argv: tuple[str, ...] = ()
    program: str = ""
    # What of its words cannot be taken back, where it may be standing; '' for nothing.
    loss: str = ""
    # Where it may be standing.
    folders: tuple[str, ...] = ()
    origin: str = ""
    server: str = ""
    # sha256 of the tool's description and schema, for grants that end when it changes.
    schema: str = ""


class PolicyRequest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A call, normalised once. `command` is set for a tool that runs one; a plain command has an action for each of its programs."""

    tool: str
    cwd: str
    args: dict[str, Any]
    actions: tuple[Action, ...]
    command: command_line.CommandLine | None = None


def normalise(tool: AnyTool, args: dict[str, Any], cwd: str, *, path: str = "", readable: tuple[str, ...] = ()) -> PolicyRequest:
    """A call of `tool` as its actions. `path`: the PATH in which programs are looked up.

    `readable`: what file tools may read outside of the workspace (`sandbox.read`).
    """
    name, risk, kind = tool.name, tool.risk, tool.kind
    command: command_line.CommandLine | None = None
    if kind == "run":
        text = str(args.get("command", ""))
        command = command_line.read(text, command_line.search_path(path, cwd), cwd)
        given = args.get("cwd")
        actions = _programs(command, name, risk, cwd, os.path.join(cwd, given) if isinstance(given, str) else cwd) or (
            Action(kind=kind, tool=name, risk=risk, subject=text[:200]),
        )
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
        actions = (
            Action(kind=kind, tool=name, risk=risk, subject=given[:200], path="" if inside is None else inside, is_outside=inside is None),
        )
    return PolicyRequest(tool=name, cwd=cwd, args=args, actions=actions, command=command)


def readable_root(given: str, readable: tuple[str, ...]) -> str:
    """The entry of `readable` that a path, absolute or of the home, is or lies beneath; '' for none. By spelling: no `..` in it."""
    if "\0" in given or ".." in given.split("/") or not given.startswith(("/", "~/")):
        return ""
    path = os.path.expanduser(given).rstrip("/")
    roots = (os.path.expanduser(entry).rstrip("/") for entry in readable)
    return next((root for root in roots if path == root or path.startswith(f"{root}/")), "")


def _programs(command: command_line.CommandLine, tool: str, risk: Risk, workspace: str, start: str) -> tuple[Action, ...]:
    """An action for each program of a line, with the folders it may be standing in: a `cd` may have failed, unless `&&` follows it."""
    possible = went = (start,)
    is_sure = not any(part.joined_by in ("|", "||") for part in command.parts)
    found: list[Action] = []
    for part in command.parts:
        folders = went if is_sure and part.joined_by == "&&" else possible
        loss = destroys(part.argv, WorkingFolders(workspace, folders), part.program)
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
                folders=folders,
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


def relative_to(cwd: str, given: str) -> str | None:
    """`given` as a path beneath `cwd` by its spelling alone ('.' for the folder itself); None when it leads out."""
    if "\0" in given or given.startswith("~"):
        return None
    text = given
    if text.startswith("/"):
        try:
            text = str(PurePosixPath(text).relative_to(cwd))
        except ValueError:
            return None
    parts: list[str] = []
    for part in text.split("/"):
        if part == "..":
            if not parts:
                return None
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts) or "."


def protected(path: str) -> ControlFile | None:
    """The control file or folder that a relative path falls under; spelling tricks of other file systems are seen through."""
    parts = [_plain_name(part) for part in path.split("/")]
    for part in parts[:-1]:
        if (found := control_file(part)) is not None and found.kind == "folder":
            return found
    return control_file(parts[-1])


def is_secret(path: str) -> bool:
    """Whether a file of that name usually holds credentials."""
    name = _plain_name(path.rsplit("/", 1)[-1])
    if name in _SECRET_EXAMPLES:
        return False
    return name in _SECRET_NAMES or name == ".env" or name.startswith(".env.") or name.endswith(_SECRET_SUFFIXES)


def origin_of(url: str) -> str:
    """scheme://host:port of an address, '' when it has none."""
    from urllib.parse import urlsplit

    try:
        split = urlsplit(url)
        port = split.port or {"http": 80, "https": 443}.get(split.scheme, 0)
    except ValueError:
        return ""
    return f"{split.scheme}://{split.hostname}:{port}" if split.hostname else ""


def _plain_name(name: str) -> str:
    # Case-insensitive, normalising volumes (macOS, Windows) know one file by many names; HFS ignores some characters.
    folded = unicodedata.normalize("NFKC", name).casefold()
    return "".join(character for character in folded if not command_line.deceiving(character)).rstrip(" .") or name


def real_cwd(cwd: str) -> str:
    """The folder that `cwd` names, links resolved: what grants and trust are about."""
    return os.path.realpath(cwd)
