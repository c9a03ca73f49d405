"""Where a command runs, and what is to run there."""

from dataclasses import dataclass, field
from typing import Literal, Protocol

Network = Literal["off", "list", "on"]
Level = Literal["full", "landlock", "seatbelt", "none"]
Streams = tuple[int, int, int]


@dataclass(frozen=True)
class Place:
    """A session's workspace. `identity`: "device:inode" that it had when the session began, '' when that is not known."""

    session: str
    workspace: str
    identity: str = ""
    is_read_only: bool = False


@dataclass(frozen=True)
class Order:
    """A command to start. `folder`: beneath the workspace; None: `/`. `mark`: how its processes are found again."""

    argv: list[str]
    environment: dict[str, str]
    mark: str
    folder: str | None = "."
    network: Network = "off"
    # Besides `environment`, for the command alone and not for what contains it.
    extra: dict[str, str] = field(default_factory=dict[str, str])


class Process(Protocol):
    """A command that is ready to begin. `pid`: its first process on this machine."""

    pid: int

    def go(self) -> None:
        """Let it begin."""
        ...

    async def ended(self) -> int:
        """Wait until nothing of it is left; its exit code, or minus the signal that ended it. Raises ToolProblem when it never began."""
        ...

    def kill(self) -> None:
        """End it and everything that it started."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...
