"""Events about a session itself: its beginning, its properties, notes for people, and what became of its worktree."""

from typing import Any

import msgspec

from .event_base import Event
from .permissions import Level, Mode, SessionPolicy
from .worktree import Worktree, WorktreeState


class SessionStart(Event, frozen=True, kw_only=True, omit_defaults=True, tag="session.start"):
    """A session was created. Always the first line of its journal."""

    title: str
    cwd: str
    mode: Mode
    level: Level
    model: str = ""
    policy: SessionPolicy = SessionPolicy.standard
    trusted: bool = False
    sandbox: str = "none"
    interactive: bool = True
    # Device and inode of `cwd`, so that another folder of the same name is not used.
    folder: str = ""
    # Of a fork: the session whose history it has, and the last turn of it. Of a sub-agent: the session, the turn and the call that started it.
    parent: str = ""
    parentTurn: str = ""
    parentCall: str = ""
    # How many sessions above it started a sub-agent. A fork of a sub-agent has the same.
    depth: int = 0
    worktree: Worktree | None = None


class SessionUpdated(Event, frozen=True, kw_only=True, omit_defaults=True, tag="session.updated"):
    """Properties changed: title, pinned, archived, model, mode, level."""

    changes: dict[str, Any]


class SessionCleared(Event, frozen=True, kw_only=True, omit_defaults=True, tag="session.cleared"):
    """The context was cleared up to `upTo`. The history stays in the journal."""

    upTo: int


class SessionNote(Event, frozen=True, kw_only=True, omit_defaults=True, tag="session.note"):
    """A note for people, such as a post-mortem."""

    text: str
    kind: str = "note"


class SessionWorktree(Event, frozen=True, kw_only=True, omit_defaults=True, tag="session.worktree"):
    """The session's worktree was merged, kept, dropped or repaired. `commit`: what the branch `into` has now, or what a dropped worktree held
    last. `files`: those that a merge changed in the repository. `note`: for people.
    """

    state: WorktreeState
    commit: str = ""
    into: str = ""
    files: list[str] = msgspec.field(default_factory=list[str])
    note: str = ""
