"""Custom commands: prompts in files, `commands/*.md` of the user's home and `.opta/commands/*.md` of a folder that the user trusts.

`/name arguments` as a message is replaced by the file's text. Expanding runs nothing. A folder's commands are taken from the bytes whose
hash the user approved, and none of them takes the name of one of the user's.
"""

import contextlib
import difflib
import os
import re
import shlex
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec

from .errors import OptaError, Refused
from .paths import Paths
from .policy import trust

FILE_BYTES_MAX, FILES_MAX = 64 * 1024, 200
TEXT_CHARS_MAX = 400_000
PROJECT_FOLDER = ".opta/commands/"
# Names that mean something of their own.
RESERVED = frozenset({"help", "clear", "compact", "model", "settings", "export", "quit", "exit"})
_ELSEWHERE = {
    "compact": "use `opta sessions compact ID`, or POST /v3/sessions/:id/compact",
    "clear": "POST /v3/sessions/:id/clear begins with an empty context",
    "model": "choose it with --model, or `opta models use NAME`",
    "export": "use `opta sessions export ID`",
    "help": "GET /v3/commands lists the commands, and so does /help in `opta chat`",
}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,47}\Z")
# A path such as /etc/hosts is no command.
_WRITTEN = re.compile(r"/(?P<name>[A-Za-z0-9][A-Za-z0-9_-]{0,47})(?:\s+(?P<arguments>.*))?\Z", re.DOTALL)
_PLACE = re.compile(r"\\(?P<literal>\$(?:ARGUMENTS\b|\d))|\$(?:(?P<all>ARGUMENTS\b)|(?P<number>[1-9]\d?)(?!\d))")
_FIELD = re.compile(r"(?P<key>[A-Za-z][\w-]*)\s*:[ \t]*(?P<value>.*)")
_MODES = ("", "chat", "do", "plan")


class CustomCommand(msgspec.Struct, frozen=True, kw_only=True):
    """One command. `arguments` says in words what follows its name; `mode` and `model` are for its turn, '' for those of the session."""

    name: str
    description: str
    arguments: str
    origin: Literal["user", "project"]
    path: str
    mode: Literal["", "chat", "do", "plan"] = ""
    model: str = ""
    body: str = ""

    def expand(self, arguments: str) -> str:
        """The prompt. Raises Refused when it is empty or too long."""
        words = _words(arguments)
        has_places = False

        def put(found: re.Match[str]) -> str:
            nonlocal has_places
            if found["literal"]:
                return found["literal"]
            has_places = True
            if found["all"]:
                return arguments
            number = int(found["number"])
            return words[number - 1] if number <= len(words) else ""

        text = _PLACE.sub(put, self.body).strip()
        if arguments and not has_places:
            text = f"{text}\n\n{arguments}"
        if not text:
            raise Refused(f"The command /{self.name} holds no text ({self.path}).")
        if len(text) > TEXT_CHARS_MAX:
            raise Refused(f"The command /{self.name} becomes {len(text)} characters long; a message has at most {TEXT_CHARS_MAX}.")
        return text


class CustomCommands(msgspec.Struct, frozen=True):
    """The commands for a folder by name, and what is wrong with others."""

    by_name: dict[str, CustomCommand]
    problems: list[str]

    def find(self, text: str) -> tuple[CustomCommand, str] | None:
        """(the command that a message calls, its arguments); None when the message is text. Raises Refused when there is no such command."""
        written = _WRITTEN.match(text)
        if written is None:
            return None
        name = written["name"]
        if (known := self.by_name.get(name)) is not None:
            return known, (written["arguments"] or "").strip()
        if hint := _ELSEWHERE.get(name):
            raise Refused(f"/{name} is not sent as a message: {hint}. Put a space before the slash to send it as text.")
        if name not in RESERVED and os.path.lexists(f"/{name}"):
            return None
        raise Refused(f"There is no command /{name}. {self._there_are(name)} Put a space before the slash to send it as text.")

    def _there_are(self, name: str) -> str:
        if not self.by_name:
            return "There are none: add one as commands/NAME.md to Opta's folder, or as .opta/commands/NAME.md to a folder that you trust."
        nearest = difflib.get_close_matches(name, self.by_name, 1)
        meant = f" Did you mean /{nearest[0]}?" if nearest else ""
        return f"There are: {', '.join(f'/{known}' for known in self.by_name)}.{meant}"


def load(paths: Paths, cwd: str) -> CustomCommands:
    """The commands for a folder: the user's, and those of the folder when it is trusted. Without a folder, the user's. Reads files."""
    problems: list[str] = []
    by_name: dict[str, CustomCommand] = {}
    found = [("user", *each) for each in _of_user(paths.home / "commands", problems)]
    found += [("project", *each) for each in (_of_project(paths, cwd, problems) if cwd else [])]
    for origin, path, content in found:
        name = path.rpartition("/")[2].removesuffix(".md")
        if not _NAME.match(name):
            problems.append(f"{path}: a command's name has letters, digits, - and _, at most 48")
        elif name in RESERVED:
            problems.append(f"{path}: /{name} is a name of Opta's; choose another")
        elif name in by_name:
            problems.append(f"{path}: you have a command /{name} already ({by_name[name].path})")
        else:
            command = _read(name, origin, path, content, problems)
            by_name |= {name: command} if command is not None else {}
    return CustomCommands(dict(sorted(by_name.items())), problems)


def _of_user(folder: Path, problems: list[str]) -> Iterator[tuple[str, bytes]]:
    names: list[str] = []
    with contextlib.suppress(OSError):
        names = sorted(name for name in os.listdir(folder) if name.endswith(".md") and not name.startswith("."))
    if len(names) > FILES_MAX:
        problems.append(f"{folder} holds more than {FILES_MAX} commands; the first {FILES_MAX} are used")
    for name in names[:FILES_MAX]:
        path = f"{folder}/{name}"
        try:
            with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as handle:
                if not stat.S_ISREG(os.fstat(handle.fileno()).st_mode):
                    problems.append(f"{path}: it is not a file")
                    continue
                yield path, handle.read(FILE_BYTES_MAX + 1)
        except OSError as error:
            problems.append(f"{path}: {error.strerror or error}")


def _of_project(paths: Paths, cwd: str, problems: list[str]) -> list[tuple[str, bytes]]:
    real = os.path.realpath(cwd)
    try:
        record = trust.record_for(paths, real)
        # Nothing of a folder that is not trusted is read.
        if record is None:
            with contextlib.suppress(OSError):
                if stat.S_ISDIR(os.lstat(f"{real}/{PROJECT_FOLDER.rstrip('/')}").st_mode):
                    problems.append(f"{PROJECT_FOLDER} is not used, because you have not trusted this folder: opta policy trust")
            return []
        snapshot = trust.take(real)
    except OptaError as error:
        problems.append(error.message)
        return []
    if trust.state_of(record, snapshot) != "trusted":
        problems.append(f"{PROJECT_FOLDER} is not used, because the folder's files changed since you trusted it: opta policy trust")
        return []
    names = sorted(name for name in snapshot.contents if name.startswith(PROJECT_FOLDER) and name.endswith(".md") and name.count("/") == 2)
    return [(name, snapshot.contents[name]) for name in names]


def _read(name: str, origin: str, path: str, content: bytes, problems: list[str]) -> CustomCommand | None:
    try:
        if len(content) > FILE_BYTES_MAX:
            raise Refused(f"it has more than {FILE_BYTES_MAX} bytes")
        text = content.decode().removeprefix("\ufeff").replace("\r\n", "\n")
        head, body = _parted(text)
        mode = head.get("mode", "")
        if mode not in _MODES:
            raise Refused(f"its mode is {mode[:40]!r}; it is chat or do")
    except UnicodeDecodeError:
        problems.append(f"{path}: it is not UTF-8 text")
        return None
    except Refused as error:
        problems.append(f"{path}: {error.message}")
        return None
    arguments = head.get("arguments") or head.get("argument-hint", "")
    first = next((line.strip("# ").strip() for line in body.split("\n") if line.strip("# ").strip()), "")
    return CustomCommand(
        name=name,
        description=(head.get("description") or first)[:200],
        arguments=arguments[:200],
        origin="project" if origin == "project" else "user",
        path=path,
        mode="chat" if mode == "chat" else "do" if mode == "do" else "plan" if mode == "plan" else "",
        model=head.get("model", "")[:200],
        body=body,
    )


def _parted(text: str) -> tuple[dict[str, str], str]:
    """(fields of the head, body). The head is read line by line: what other agents write there need not be valid YAML."""
    lines = text.split("\n")
    if lines[0].rstrip() != "---":
        return {}, text
    end = next((number for number, line in enumerate(lines[1:], 1) if line.rstrip() in ("---", "...")), 0)
    if not end:
        raise Refused("its head begins with --- and does not end with ---")
    fields: dict[str, str] = {}
    key = ""
    for line in lines[1:end]:
        if line[:1].isspace() and key:
            fields[key] = f"{fields[key]} {line.strip().removeprefix('- ')}".strip(" >|")
        elif found := _FIELD.match(line):
            key = found["key"].lower()
            fields[key] = _plain(found["value"].strip())
    return fields, "\n".join(lines[end + 1 :])


def _plain(value: str) -> str:
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        return value[1:-1]
    return "" if value in (">", "|", ">-", "|-", "null", "~") else value


def _words(arguments: str) -> list[str]:
    """Arguments one by one: quotes hold words together; an apostrophe does not have to be a quote."""
    try:
        return shlex.split(arguments)
    except ValueError:
        return arguments.split()
