"""What is needed to start a command in a sandbox, and the process that results."""

from dataclasses import dataclass, field
from typing import Literal, Protocol

Network = Literal["off", "list", "on"]
Level = Literal["full", "landlock", "seatbelt", "none"]
Streams = tuple[int, int, int]


@dataclass(frozen=True)
class WorkspaceRef:
    """Names the workspace of a session. `identity`: "device:inode" when the session began, '' when unknown.

    `shares_cache`: whether a read-only sandbox uses the cache of the workspace's commands; one with secrets or a network must not.
    """

    session: str
    workspace: str
    identity: str = ""
    is_read_only: bool = False
    shares_cache: bool = False


@dataclass(frozen=True)
class CommandSpec:
    """A command to start. `folder`: relative to the workspace; None: `/`. `mark`: the value of MARK in the environment of its processes."""

    argv: list[str]
    environment: dict[str, str]
    mark: str
    folder: str | None = "."
    network: Network = "off"
    # Further variables, for the command only and not for the program that contains it.
    extra: dict[str, str] = field(default_factory=dict[str, str])


class Process(Protocol):
    """A command that is ready to run. `pid`: the process id of its first process, outside its namespace."""

    pid: int

    def go(self) -> None:
        """Let the command run."""
        ...

    async def ended(self) -> int:
        """Wait until all its processes have ended; its exit code, or minus the signal that ended it. Raises ToolProblem if it never ran."""
        ...

    def kill(self) -> None:
        """Kill the command and everything that it started."""
        ...

    def close(self) -> None:
        """Release the descriptors. The command is not killed."""
        ...
