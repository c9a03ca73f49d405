"""The tree of commands of `opta`. `docs/cli.md`, the completions and the hints are generated from it."""

import importlib
from collections.abc import Iterator
from typing import cast

from .cli_command import CliCommand, Group

# The order in which `opta --help` lists them.
TREE: dict[str, str | Group] = {
    "chat": "turn_arguments",
    "do": "turn_arguments",
    "tui": "turn_arguments",
    "review": "turn_arguments",
    "acp": "turn_arguments",
    "up": "daemon_arguments",
    "down": "daemon_arguments",
    "open": "daemon_arguments",
    "window": "daemon_arguments",
    "status": "daemon_arguments",
    "doctor": "daemon_arguments",
    "sessions": Group("sessions", "list, search, show, steer, fork, undo and export sessions", "session_arguments"),
    "usage": "session_arguments",
    "daemon": Group("daemon", "control the daemon's processes", "daemon_arguments"),
    "config": Group("config", "settings, and providers of models", "config_arguments"),
    "provider": Group("provider", "providers of models: list, add, remove", "config_arguments", "PROVIDERS"),
    "account": Group("account", "keys of providers", "config_arguments", "ACCOUNTS"),
    "models": Group("models", "models of LMX and of every provider: list, use, load, download, measure, examine", "model_arguments"),
    "lmx": Group("lmx", "the inference server, on this machine and on others", "lmx_arguments"),
    "policy": Group("policy", "rules, grants and trust", "policy_arguments"),
    "mcp": Group("mcp", "MCP servers with further tools", "policy_arguments", "MCP"),
    "skills": Group("skills", "instructions for kinds of tasks", "policy_arguments", "SKILLS"),
    "hooks": Group("hooks", "your programs that judge and follow tool calls", "policy_arguments", "HOOKS"),
    "completions": "daemon_arguments",
    "version": "daemon_arguments",
}


def top(name: str) -> CliCommand | Group:
    """The command or the group of a first word. Raises KeyError."""
    entry = TREE[name]
    if isinstance(entry, Group):
        return entry
    return next(command for command in _listed(entry, "TOP") if command.name == name)


def below(group: Group) -> list[CliCommand | Group]:
    """The commands of a group; one of them may be a group itself."""
    return _listed_all(group.module, group.field)


def leaves() -> Iterator[tuple[str, CliCommand]]:
    """Every command with the words that start it, without `opta`."""

    def walk(words: str, entry: CliCommand | Group) -> Iterator[tuple[str, CliCommand]]:
        if isinstance(entry, CliCommand):
            yield words, entry
            return
        for each in below(entry):
            yield from walk(f"{words} {each.name}", each)

    for name in TREE:
        yield from walk(name, top(name))


def _listed(module: str, field: str) -> list[CliCommand]:
    return cast("list[CliCommand]", _listed_all(module, field))


def _listed_all(module: str, field: str) -> list[CliCommand | Group]:
    return getattr(importlib.import_module(f"opta_cli.arguments.{module}"), field)
