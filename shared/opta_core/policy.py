"""What a tool call needs before it may run: the default matrix, the levels, the unrestricted session."""

from dataclasses import dataclass
from typing import Literal

from opta_protocol.permissions import Level, Risk, SessionPolicy

Effect = Literal["allow", "ask", "deny"]

# Reads inside the workspace are free, writes ask, commands ask and are denied when nobody can be asked.
MATRIX: dict[str, Effect] = {
    "read_file": "allow",
    "list_dir": "allow",
    "search_files": "allow",
    "grep": "allow",
    "todo": "allow",
    "write_file": "ask",
    "edit_file": "ask",
    "run_command": "ask",
}

RISKS: dict[str, Risk] = {
    "read_file": Risk.read,
    "list_dir": Risk.read,
    "search_files": Risk.read,
    "grep": Risk.read,
    "todo": Risk.read,
    "write_file": Risk.write,
    "edit_file": Risk.write,
    "run_command": Risk.execute,
}


@dataclass(frozen=True)
class Verdict:
    """What the rules say about one call, and which rule in which layer said it."""

    effect: Effect
    rule: str
    layer: str


def judge(tool: str, level: Level, session: SessionPolicy, granted: frozenset[str] = frozenset()) -> Verdict:
    """The verdict on one call of `tool`. `granted` holds the tools a person allowed for the session."""
    effect = MATRIX.get(tool, "ask")
    verdict = Verdict(effect, f"{tool} = {effect}", "defaults")
    if tool == "todo":
        return verdict
    if level is Level.L1:
        verdict = Verdict("ask", "L1 asks before every tool call", "level")
    elif level is Level.L3 and RISKS.get(tool) is Risk.write:
        verdict = Verdict("allow", "L3 allows writes in the workspace", "level")
    if verdict.effect == "ask" and tool in granted:
        return Verdict("allow", f"{tool} allowed for this session", "session")
    if verdict.effect == "ask" and session is SessionPolicy.unrestricted:
        return Verdict("allow", "unrestricted session", "session")
    return verdict
