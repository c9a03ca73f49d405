"""What a turn has to know of its folder before its first request. It is looked at once, in a thread, while the turn finds its model."""

import asyncio
from typing import NamedTuple

from opta_core import instruction_files

from .turn_environment import git_branch

# The folder may be on a file system that hangs.
LOOK_S = 0.5


class FolderFacts(NamedTuple):
    """The git branch of a folder, '' for none, and whether it may have instructions of its own."""

    branch: str
    has_instructions: bool


async def look(cwd: str) -> FolderFacts:
    """The facts of a folder. One that does not answer has no branch, and the tool-worker is asked for its instructions."""
    try:
        return await asyncio.wait_for(asyncio.to_thread(_look, cwd), LOOK_S)
    except TimeoutError:
        return FolderFacts("", has_instructions=True)


def _look(cwd: str) -> FolderFacts:
    return FolderFacts(git_branch(cwd), instruction_files.are_any(cwd))
