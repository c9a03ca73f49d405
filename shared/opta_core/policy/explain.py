"""Explains what the files of a folder ask for, for the person who decides whether to trust it."""

import difflib
import os
import tomllib
from typing import Any, cast

import msgspec

from opta_protocol.tools.shell import RUN_COMMAND

from .rules import PolicyProblem, Rule, parse
from .trust import Record, Snapshot

_EFFECTS = {"allow": "Allow without asking", "ask": "Always ask before", "deny": "Never allow"}
LINES_MAX = 40
_INSTRUCTIONS = ("AGENTS.md", "CLAUDE.md")


def asks_for(snapshot: Snapshot) -> list[str]:
    """Everything that trust in a folder would enable, one sentence each."""
    said: list[str] = []
    policy = snapshot.contents.get(".opta/policy.yaml")
    if policy is not None:
        said += _policy(policy)
    servers = snapshot.contents.get(".mcp.json")
    if servers is not None:
        said += _servers(servers)
    for name in sorted(snapshot.contents):
        if name.startswith(".opta/commands/") and name.endswith(".md"):
            said.append(f"Add the command /{name.rsplit('/', 1)[-1].removesuffix('.md')} ({name}).")
        elif name not in (".opta/policy.yaml", ".mcp.json"):
            said += _checks(snapshot.contents[name]) if name == ".opta/config.toml" else []
            said.append(f"Use {name} ({len(snapshot.contents[name])} bytes).")
    if named := [name for name in _INSTRUCTIONS if os.path.lexists(f"{snapshot.path}/{name}")]:
        said.append(f"Follow {named[0]}, and those of its folders, as the project's instructions; without trust they are shown as data.")
    return said or ["Nothing: the folder has no .opta folder and no .mcp.json."]


def differences(record: Record, snapshot: Snapshot) -> list[str]:
    """What has changed since a folder was trusted, one sentence for each file, followed by its changed lines."""
    said: list[str] = []
    for name in sorted({*record.files, *snapshot.contents}):
        now = snapshot.contents.get(name)
        if now is None:
            said.append(f"{name} is gone.")
        elif name not in record.files:
            said.append(f"{name} is new.")
        elif record.texts.get(name) != (text := now.decode(errors="replace")[:16_384]):
            lines = list(difflib.unified_diff(record.texts.get(name, "").splitlines(), text.splitlines(), lineterm="", n=0))[2:]
            said.append(f"{name} has changed:")
            said += [f"  {line}" for line in lines[:LINES_MAX] if not line.startswith("@@")]
    return said


def sentence(rule: Rule) -> str:
    """A rule as a sentence for people."""
    what = (
        f"the command `{' '.join(rule.command)}`"
        if rule.command
        else {RUN_COMMAND.name: "commands", "*": "every tool"}.get(rule.tool, rule.tool)
    )
    where = (
        f" on {rule.path}" if rule.path else f" at {rule.origin}" if rule.origin else f" of the server {rule.server}" if rule.server else ""
    )
    until = f" until {rule.expires}" if rule.expires else ""
    return f"{_EFFECTS[rule.effect]}: {what}{where}{until}."


def _policy(content: bytes) -> list[str]:
    try:
        rules, warnings = parse(content, ".opta/policy.yaml", by_project=True)
    except PolicyProblem as problem:
        return [f".opta/policy.yaml is not usable (line {problem.line}: {problem}), so none of it applies."]
    return [*map(sentence, rules), *warnings]


def _checks(content: bytes) -> list[str]:
    """The programs that a project's settings run on edited files."""
    try:
        found: Any = tomllib.loads(content.decode())["diagnostics"]["commands"]
        entries = [str(entry) for entry in cast("list[Any]", found)]
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError, KeyError, TypeError):
        return []
    return [f"Run after an edit, in the sandbox without network: {entry[:400]}" for entry in entries]


def _servers(content: bytes) -> list[str]:
    try:
        document = msgspec.json.decode(content)
        servers: Any = cast("dict[str, Any]", document)["mcpServers"]
        return [
            f"Offer the MCP server {name!r}: {_start(cast('dict[str, Any]', server))} (it asks again before it starts)."
            for name, server in servers.items()
        ]
    except (msgspec.DecodeError, KeyError, TypeError, AttributeError):
        return [".mcp.json is not usable, so none of it applies."]


def _start(server: dict[str, Any]) -> str:
    if url := server.get("url"):
        return f"reach {url}"
    env = " ".join(f"{name}={value}" for name, value in server.get("env", {}).items())
    said = " ".join([str(server.get("command", "?")), *map(str, server.get("args", []))]) + (f" with {env}" if env else "")
    return f"run {said[:400]}" + ("… (and more)" if len(said) > 400 else "")
