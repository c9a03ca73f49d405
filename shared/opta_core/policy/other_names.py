"""Applies a rule that denies a path to other names of the file: a link in the workspace, another tool that reads it, a command that names it.

A command is judged by its words only. One that reads a whole parent folder, or a copy of the file, is not recognised. A file that
must never be read does not belong in a workspace.
"""

import fnmatch
import os

from opta_protocol.tools.declared import TOOLS
from opta_protocol.tools.searching import GREP

from . import command_line
from .actions import Action, PolicyRequest
from .path_names import relative_to
from .rules import Rule, path_fits

_READING = (*(tool.name for tool in TOOLS if tool.kind == "read"), GREP.name)
_WRITING = tuple(tool.name for tool in TOOLS if tool.kind == "write")


def denies(rule: Rule, request: PolicyRequest, action: Action) -> bool:
    """Whether a deny rule with a path also applies to an action with another tool or another name of the file."""
    if not rule.path or rule.origin or rule.server:
        return False
    if action.kind == "run":
        return _is_for(rule, _READING) and _names(rule, request, action)
    if action.tool in _READING and _is_for(rule, _READING):
        return _fits(action.path, rule) or _fits(_real(request.cwd, action.path), rule)
    return fnmatch.fnmatchcase(action.tool, rule.tool) and _fits(_real(request.cwd, action.path), rule)


def asks(rule: Rule, request: PolicyRequest, action: Action) -> bool:
    """Whether a command names a file that a rule forbids file tools to write. It may only read the file, so a person decides."""
    return bool(rule.path) and action.kind == "run" and _is_for(rule, _WRITING) and _names(rule, request, action)


def _is_for(rule: Rule, tools: tuple[str, ...]) -> bool:
    return any(fnmatch.fnmatchcase(tool, rule.tool) for tool in tools)


def _names(rule: Rule, request: PolicyRequest, action: Action) -> bool:
    is_plain = request.command is not None and request.command.is_plain
    words = action.argv[1:] if is_plain else tuple(command_line.all_words(str(request.args.get("command", ""))))
    parts = {part for word in words for part in (word, word.rpartition(":")[2], word.rpartition("=")[2], word.lstrip("@"))}
    for folder in action.folders or (request.cwd,):
        for part in parts:
            path = relative_to(request.cwd, os.path.join(folder, part)) or ""
            if part and (_fits(path, rule) or _fits(_real(request.cwd, path), rule)):
                return True
    return False


def _fits(path: str, rule: Rule) -> bool:
    """Whether a path matches the rule. A folder also matches when the rule is about its content."""
    return bool(path) and (path_fits(path, rule.path) or path_fits(f"{path}/", rule.path))


def _real(workspace: str, path: str) -> str:
    if not path:
        return ""
    return relative_to(os.path.realpath(workspace), os.path.realpath(os.path.join(workspace, path))) or ""
