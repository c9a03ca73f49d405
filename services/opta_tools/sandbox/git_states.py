"""Unfinished operations of git, and whether continuing them runs programs. Format: the state folders of git-rebase and git-cherry-pick."""

import re

from .regular_files import content, is_there

GIT_STATES = {"rebase-merge": ("git-rebase-todo", "strategy"), "rebase-apply": ("git-rebase-todo",), "sequencer": ("todo", "opts")}
PLAN_BYTES_MAX = 256 * 1024
_RUNS = re.compile(rb"\s*(x|exec)\b")
_STRATEGY = re.compile(rb"\s*strategy\s*=\s*(.*)")
_STRATEGY_OPTION = re.compile(rb"\s*strategy-option\s*=")
# Git's merge strategies. Any other name is that of a program.
_STRATEGIES = frozenset({b"", b"ort", b"recursive", b"resolve", b"octopus", b"ours", b"subtree"})


def program_lines(git: int, path: str, name: str) -> frozenset[bytes]:
    """The lines of a file in a state folder that run a program. A file that cannot be read completely counts as one such line."""
    if not is_there(git, path):
        return frozenset()
    plan = content(git, path, PLAN_BYTES_MAX + 1)
    if plan is None or len(plan) > PLAN_BYTES_MAX:
        return frozenset({b"?"})
    if name == "strategy":
        return frozenset() if plan.strip() in _STRATEGIES else frozenset({plan})
    lines = plan.splitlines()
    if name == "opts":
        # The key may be quoted, escaped or written behind its section, so every line with the word counts unless it is known.
        return frozenset(line for line in lines if b"strategy" in line.lower() and not _is_known_strategy(line.lower()))
    return frozenset(line for line in lines if _RUNS.match(line))


def _is_known_strategy(line: bytes) -> bool:
    found = _STRATEGY.fullmatch(line)
    return _STRATEGY_OPTION.match(line) is not None or (found is not None and found[1].strip() in _STRATEGIES)
