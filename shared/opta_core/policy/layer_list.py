"""The rules by layer for people: what is built in, and each file with its rules, in the order in which they count."""

import os
from pathlib import Path
from typing import Literal

from opta_protocol.http_settings import FileProblem, PolicyLayer, PolicyLayers, RuleInfo
from opta_protocol.permissions import Risk
from opta_protocol.tools.declared import TOOLS

from ..paths import Paths
from . import explain
from .layers import MANAGED, POLICY, Layers, Sources
from .rules import Rule

FileLayer = Literal["managed", "user", "project"]
FILE_LAYERS: tuple[FileLayer, ...] = ("managed", "user", "project")
# What no rule and no person can change, and what asks whatever the rules allow (`verdict.py`, docs/permissions.md).
HARD = (
    RuleInfo(effect="deny", words="Never allow: reads and writes outside the session's folder, beside the folders of sandbox.read."),
    RuleInfo(
        effect="deny", words="Never allow: writes of .git, .opta and start-up files of shells, and commands that write any control file."
    ),
    RuleInfo(effect="deny", words="Never allow: commands, paths and addresses with characters that hide or reorder text."),
    RuleInfo(
        effect="ask", words="Always ask before: destructive commands, files that may hold credentials, and commands without a sandbox."
    ),
    RuleInfo(effect="ask", words="Always ask before: writes of files that make other programs act, such as hooks and editor tasks."),
)


def layer_list(paths: Paths, cwd: str) -> PolicyLayers:
    """The layers for a folder; '' for what holds in every folder. A file that cannot be used is among the problems."""
    # Without a folder, nothing of a project is read: the home's own files alone.
    layers = Sources(paths).layers(cwd or str(paths.workspaces))
    found = [PolicyLayer(name="hard", rules=list(HARD))]
    found += [_of_files(layers, name, _files(paths, name, cwd)) for name in FILE_LAYERS if name != "project" or cwd]
    found.append(PolicyLayer(name="defaults", rules=_defaults()))
    problems = [
        FileProblem(file=each.file, line=each.line, message=each.message, fix=each.fix, isWarning=each.is_warning)
        for each in layers.problems
    ]
    return PolicyLayers(folder=cwd, trust=layers.trust if cwd else "untrusted", layers=found, problems=problems)


def _of_files(layers: Layers, name: FileLayer, files: list[str]) -> PolicyLayer:
    rules = [_info(rule) for rule in layers.rules(name)]
    is_found = any(os.path.lexists(file) for file in files if not file.endswith("*.yaml"))
    return PolicyLayer(name=name, rules=rules, files=files, isFound=is_found, isBroken=name in layers.broken)


def _files(paths: Paths, name: FileLayer, cwd: str) -> list[str]:
    """The files of a layer; for the user's, where one would be made when there is none."""
    if name == "managed":
        return [str(MANAGED)]
    if name == "project":
        return [f"{cwd}/{POLICY}"]
    folder = paths.home / "policies"
    return [str(file) for file in _user_files(folder)] or [str(folder / "*.yaml")]


def _user_files(folder: Path) -> list[Path]:
    try:
        return sorted(folder / name for name in os.listdir(folder) if name.endswith((".yaml", ".yml")) and not name.startswith("."))
    except OSError:
        return []


def _info(rule: Rule) -> RuleInfo:
    return RuleInfo(effect=rule.effect, words=explain.sentence(rule), file=rule.source, line=rule.line, note=rule.note)


def _defaults() -> list[RuleInfo]:
    """The matrix of level L2 from the declared tools."""
    reads = [tool.name for tool in TOOLS if tool.risk is Risk.read or tool.kind == "plan"]
    asks = [tool.name for tool in TOOLS if tool.name not in reads]
    return [
        RuleInfo(effect="allow", words=f"Allow without asking: {', '.join(reads)}."),
        RuleInfo(effect="ask", words=f"Always ask before: {', '.join(asks)}, and every tool of an MCP server."),
        RuleInfo(effect="deny", words="Never allow what would ask, when nobody can be asked."),
    ]
