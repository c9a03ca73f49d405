"""What a turn has to know of its folder before its first request."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from opta_core import instruction_files
from opta_core.clock import now_s
from opta_core.local_disk import is_on_local_disk

from .turn_environment import git_branch, is_in_worktree

# The folder may be on a file system that hangs.
LOOK_S = 0.5
# How long a folder counts as one on a local disk: another file system may be mounted over it.
LOCAL_S = 60.0
FOLDERS_MAX = 500


class FolderFacts(NamedTuple):
    """The git branch of a folder, '' for none, and whether it may have instructions of its own."""

    branch: str
    has_instructions: bool


class FolderLooks:
    """Looks at the folders of sessions. `is_local`: whether a folder's disk can be asked on the event loop; a thread costs as much as ten looks."""

    def __init__(self, is_local: Callable[[Path], bool] = is_on_local_disk):
        self._is_local = is_local
        # Folder -> until when it counts as local.
        self._local: dict[str, float] = {}

    async def look(self, cwd: str) -> FolderFacts:
        """The facts of a folder. One that does not answer has no branch, and the tool-worker is asked for its instructions."""
        if self._local.get(cwd, 0) > now_s():
            return _look(cwd)
        self._local.pop(cwd, None)
        try:
            facts, is_local = await asyncio.wait_for(asyncio.to_thread(self._look_and_ask, cwd), LOOK_S)
        except TimeoutError:
            return FolderFacts("", has_instructions=True)
        if is_local and len(self._local) < FOLDERS_MAX:
            self._local[cwd] = now_s() + LOCAL_S
        return facts

    def _look_and_ask(self, cwd: str) -> tuple[FolderFacts, bool]:
        # The branch of a worktree is written where a file of it says.
        return _look(cwd), self._is_local(Path(cwd)) and not is_in_worktree(cwd)


def _look(cwd: str) -> FolderFacts:
    return FolderFacts(git_branch(cwd), instruction_files.are_any(cwd))
