"""What git has begun and not finished, and whether going on with it runs programs. Format: git-rebase, git-cherry-pick, their state folders."""

import re

from .regular_files import content, is_there

GIT_STATES = {"rebase-merge": ("git-rebase-todo", "strategy"), "rebase-apply": ("git-rebase-todo",), "sequencer": ("todo", "opts")}
PLAN_BYTES_MAX = 256 * 1024
_RUNS = re.compile(rb"\s*(x|exec)\b")
_STRATEGY = re.compile(rb"\s*strategy\s*=\s*(.*)")
_STRATEGY_OPTION = re.compile(rb"\s*strategy-option\s*=")
# Any other names a program.
_STRATEGIES = frozenset({b"", b"ort", b"recursive", b"resolve", b"octopus", b"ours", b"subtree"})


def what_runs(git: int, path: str, name: str) -> frozenset[bytes]:
    """The lines of a file of a state folder that run a program; what cannot be read, or not whole, counts as one."""
    if not is_there(git, path):
        return frozenset()
    plan = content(git, path, PLAN_BYTES_MAX + 1)
    if plan is None or len(plan) > PLAN_BYTES_MAX:
        return frozenset({b"?"})
    if name == "strategy":
        return frozenset() if plan.strip() in _STRATEGIES else frozenset({plan})
    lines = plan.splitlines()
    if name == "opts":
        # The word may be quoted, escaped or joined to its section: whatever is not one of the known lines counts.
        return frozenset(line for line in lines if b"strategy" in line.lower() and not _is_known_strategy(line.lower()))
    return frozenset(line for line in lines if _RUNS.match(line))


def _is_known_strategy(line: bytes) -> bool:
    found = _STRATEGY.fullmatch(line)
    return _STRATEGY_OPTION.match(line) is not None or (found is not None and found[1].strip() in _STRATEGIES)
