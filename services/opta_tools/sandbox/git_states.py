"""What git has begun and not finished, and whether going on with it runs programs. Format: git-rebase, git-cherry-pick, their state folders."""

import re

from .regular_files import content, is_there

GIT_STATES = {"rebase-merge": ("git-rebase-todo", "strategy"), "rebase-apply": ("git-rebase-todo",), "sequencer": ("todo",)}
PLAN_BYTES_MAX = 256 * 1024
_RUNS = re.compile(rb"^\s*(x|exec)\b", re.MULTILINE)
# Any other names a program.
_STRATEGIES = frozenset({b"", b"ort", b"recursive", b"resolve", b"octopus", b"ours", b"subtree"})


def what_runs(git: int, path: str, name: str) -> bytes:
    """What of a file of a state folder runs a program, b"" for nothing; what cannot be read, or not whole, counts as that."""
    if not is_there(git, path):
        return b""
    plan = content(git, path, PLAN_BYTES_MAX + 1)
    if plan is None or len(plan) > PLAN_BYTES_MAX:
        return b"?"
    if name == "strategy":
        return b"" if plan.strip() in _STRATEGIES else plan
    return b"\n".join(_RUNS.findall(plan))
