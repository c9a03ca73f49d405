"""Tools that run commands, and that read and stop background commands."""

from typing import Annotated

from msgspec import Meta

from ..permissions import Risk
from .tool import Arguments, Tool

TIMEOUT_S, TIMEOUT_S_MIN, TIMEOUT_S_MAX = 120.0, 0.1, 600.0
BACKGROUND_S_MAX = 6 * 3600.0


class RunCommand(Arguments, frozen=True, kw_only=True):
    """Arguments of run_command."""

    command: str
    cwd: str = "."
    timeout_s: Annotated[float, Meta(description="Default 120, maximum 600.")] | None = None
    background: Annotated[bool, Meta(description="For servers: do not wait.")] = False

    def __post_init__(self) -> None:
        if not self.command.strip():
            raise ValueError("the command is empty")
        if "\0" in self.command:
            raise ValueError("a command holds no NUL character")

    def limit_s(self, usual_s: float = TIMEOUT_S) -> float:
        """The time limit of the command, in seconds."""
        if self.background:
            return BACKGROUND_S_MAX
        return min(max(self.timeout_s or usual_s, TIMEOUT_S_MIN), TIMEOUT_S_MAX)


class CommandOutput(Arguments, frozen=True, kw_only=True):
    """Arguments of command_output."""

    id: Annotated[str, Meta(description="Such as bg1.")] = ""
    wait_s: Annotated[float, Meta(description="Seconds to wait for its end, at most 60.")] = 0.0


class CommandStop(Arguments, frozen=True, kw_only=True):
    """Arguments of command_stop."""

    id: Annotated[str, Meta(description="Such as bg1.")]


RUN_COMMAND = Tool(
    name="run_command",
    arguments=RunCommand,
    description="Run a shell command and read its output. Each runs in a new shell, in the workspace or cwd, without input.",
    risk=Risk.execute,
    kind="run",
    label="Run",
    question="Run a command?",
    subject="command",
    evidence="execution",
)
COMMAND_OUTPUT = Tool(
    name="command_output",
    arguments=CommandOutput,
    description="New output of a background command; without id: the list of them.",
    risk=Risk.read,
    kind="plan",
    label="Read output",
    question="Read the output of a background command?",
    subject="id",
)
COMMAND_STOP = Tool(
    name="command_stop",
    arguments=CommandStop,
    description="End a background command.",
    risk=Risk.read,
    kind="plan",
    label="Stop",
    question="Stop a background command?",
    subject="id",
)
