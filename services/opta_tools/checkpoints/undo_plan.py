"""Plans an undo or a redo: which state each path gets, and which cannot be changed."""

import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from opta_protocol.event_parts import FileHunk
from opta_protocol.file_changes import FileOutcome

from ..files.workspace import PathProblem, Workspace
from .file_state import FileState
from .path_states import state_of
from .path_steps import Restoration
from .reverting import CannotRevert
from .turn_changes import ContentOf, PathChanges, moved

# What the files of one undo hold now, and get. More would fill the memory.
BYTES_MAX = 512 * 1024 * 1024


@dataclass
class UndoPlan:
    """What is done to each path, or why not."""

    restorations: list[Restoration] = field(default_factory=list[Restoration])
    outcomes: dict[str, FileOutcome] = field(default_factory=dict[str, FileOutcome])

    @property
    def is_refused(self) -> bool:
        """Whether a file cannot be changed."""
        return any(each.did == "refused" for each in self.outcomes.values())

    def refuse(self, path: str, why: str, *, only_it: bool) -> None:
        """A path could not be changed, so nothing was. With `only_it` the others are to be tried without it, and without what lies in it."""
        is_known = path in self.outcomes
        for name in self.outcomes:
            if only_it and is_known and (name == path or name.startswith(f"{path}/")):
                self.outcomes[name] = FileOutcome(path=name, did="refused", why=why if name == path else f"{path}: {why}")
            elif not only_it or not is_known:
                self.outcomes[name] = FileOutcome(path=name, did="refused", why=f"nothing was done, because {path}: {why}")
        self.restorations = [each for each in self.restorations if self.outcomes[each.path].did != "refused"]


def planned(
    workspace: Workspace,
    chosen: dict[str, PathChanges],
    turn: dict[str, PathChanges],
    content_of: ContentOf,
    *,
    again: bool,
    hunks: Sequence[FileHunk] = (),
) -> UndoPlan:
    """The plan for the chosen paths of a turn; `hunks`: only for these of them."""
    plan = UndoPlan()
    bytes_left = BYTES_MAX
    alike = _alike(turn)
    for path, changes in sorted(chosen.items()):
        try:
            now = state_of(workspace, path, exact=_folded(path) in alike)
            target, plan.outcomes[path] = moved(
                changes, now, content_of, again=again, hunks=[hunk.lines for hunk in hunks if hunk.path == path]
            )
            if now.unkept and not target.mode and (other := _lost_elsewhere(workspace, now, turn, again=again)):
                raise CannotRevert(f"has the content of {other}, which is too large to be kept: rename it")
            bytes_left -= len(now.content) + len(target.content)
            if bytes_left < 0:
                raise CannotRevert(f"is too much: the files hold more than {BYTES_MAX // 1024**2} MB together; name fewer files")
            plan.restorations.append(Restoration(path, now, target))
        except (CannotRevert, PathProblem, OSError) as problem:
            plan.outcomes[path] = FileOutcome(path=path, did="refused", why=str(problem))
    return plan


def _alike(turn: dict[str, PathChanges]) -> set[str]:
    """Paths, folded, that differ in their case or composition only, which some file systems do not distinguish."""
    return {folded for folded, count in Counter(map(_folded, turn)).items() if count > 1}


def _folded(path: str) -> str:
    return unicodedata.normalize("NFD", path).casefold()


def _lost_elsewhere(workspace: Workspace, now: FileState, turn: dict[str, PathChanges], *, again: bool) -> str:
    """The path from which a content was moved that is kept nowhere, if it is not there any more; else ''."""
    for path, each in turn.items():
        held, holds = (each.changes[-1].after, each.changes[0].before) if again else (each.changes[0].before, each.changes[-1].after)
        if held == now.unkept and holds != held:
            try:
                if state_of(workspace, path).unkept != held:
                    return path
            except (PathProblem, OSError):
                return path
    return ""
