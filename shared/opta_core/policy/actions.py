"""A tool call in normal form: the actions that it performs. Rules match this form, and the tool-worker receives it."""

import os
import unicodedata
from pathlib import PurePosixPath
from typing import Any

import msgspec

from opta_protocol.permissions import Risk
from opta_protocol.tools.tool import AnyTool, Kind

from . import command_line
from .control_files import ControlFile, control_file
from .destructive_commands import WorkingFolders, loss_of

# A command line that may run in more folders than this is judged as if it ran outside the workspace.
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
    # The folders that a command may run in.
    folders: tuple[str, ...] = ()
    origin: str = ""
    server: str = ""
    # sha256 of an MCP tool's description and schema. A grant ends when it changes.
    schema: str = ""


class PolicyRequest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A tool call with its actions. `command` is set for a tool that runs one; a plain command has one action for each program."""

    tool: str
    cwd: str
    args: dict[str, Any]
    actions: tuple[Action, ...]
    command: command_line.CommandLine | None = None


def normalise(tool: AnyTool, args: dict[str, Any], cwd: str, *, path: str = "", readable: tuple[str, ...] = ()) -> PolicyRequest:
    """The actions of a call of `tool` with arguments `args` in the workspace `cwd`. `path`: the PATH in which programs are looked up.

    `readable`: the paths outside the workspace that file tools may read (setting `sandbox.read`).
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
    """The entry of `readable` that contains a path; '' for none. The path is absolute or begins with `~/`, and holds no `..`."""
    if "\0" in given or ".." in given.split("/") or not given.startswith(("/", "~/")):
        return ""
    path = os.path.expanduser(given).rstrip("/")
    roots = (os.path.expanduser(entry).rstrip("/") for entry in readable)
    return next((root for root in roots if path == root or path.startswith(f"{root}/")), "")


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
    """`given` as a path relative to `cwd` ('.' for the folder itself); None when it leads out. Does not look at the file system."""
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
    """The control file or folder that a relative path names or lies in, in any spelling that some file system treats as the same."""
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
    """The origin of a URL as scheme://host:port; '' when it has none."""
    from urllib.parse import urlsplit

    try:
        split = urlsplit(url)
        port = split.port or {"http": 80, "https": 443}.get(split.scheme, 0)
    except ValueError:
        return ""
    return f"{split.scheme}://{split.hostname}:{port}" if split.hostname else ""


def _plain_name(name: str) -> str:
    # Case-insensitive, normalising volumes (macOS, Windows) accept many spellings of one name; HFS ignores some characters.
    folded = unicodedata.normalize("NFKC", name).casefold()
    return "".join(character for character in folded if not command_line.deceiving(character)).rstrip(" .") or name


def real_cwd(cwd: str) -> str:
    """`cwd` with its links resolved. Grants and trust records hold this path."""
    return os.path.realpath(cwd)
