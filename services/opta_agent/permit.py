"""What a decision permits: exactly what may run, and with what network."""

from dataclasses import dataclass
from typing import Literal

from opta_core.policy.actions import PolicyRequest
from opta_core.policy.programs import BUILTINS
from opta_protocol.commands import Plan

Network = Literal["off", "list", "on"]


@dataclass(frozen=True)
class Permit:
    """The decision on a call: whether it may run, what to tell the model if not, and exactly what was allowed."""

    may_run: bool
    reason: str = ""
    code: str = "denied"
    plan: Plan | None = None
    network: Network = "off"
    expects: str = ""
    schema: str = ""


def plan_of(request: PolicyRequest) -> Plan | None:
    """What the worker executes of a plain command: one program by its path, or the line with every word quoted."""
    command = request.command
    if command is None or not command.is_plain:
        return None
    if len(command.parts) == 1 and command.parts[0].argv[0] != "cd" and not command.parts[0].redirects:
        part = command.parts[0]
        return Plan(program=part.program, argv=part.argv)
    if missing := next((part for part in command.parts if not part.program and part.argv[0] not in BUILTINS), None):
        # Not left to the shell, which might find one of that name in the workspace.
        return Plan(argv=missing.argv)
    return Plan(shell=command.as_shell())
