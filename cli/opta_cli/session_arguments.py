"""The arguments of `opta sessions`."""

import argparse
from collections.abc import Callable
from typing import Any

from .commands import changes, session_turns, session_worktrees, sessions, turn_requests


def add(group: Any, command: Callable[..., argparse.ArgumentParser]) -> None:
    """Add the commands to their group. `command` adds one: its name, what runs it, and its help."""
    listed = command(group, "list", sessions.list_sessions, "list sessions, most recently active first")
    listed.add_argument("--q", default="", help="filter: words of the title, or an id")
    listed.add_argument("--limit", type=int, default=50)
    listed.add_argument("--all", action="store_true", help="also list the sessions of sub-agents")
    listed.add_argument("--json", action="store_true")
    shown = command(group, "show", sessions.show, "print a session as text")
    shown.add_argument("id")
    shown.add_argument("--json", action="store_true")
    context = command(group, "context", sessions.context, "print what the model sees of a session, part by part with tokens")
    context.add_argument("id")
    context.add_argument("--json", action="store_true", help="print the parts exactly as they are sent")
    compacted = command(group, "compact", session_turns.compact, "replace older turns with a summary in the model's context")
    compacted.add_argument("id")
    compacted.add_argument("--json", action="store_true", help="print the events exactly as stored")
    resumed = command(
        group,
        "resume",
        session_turns.resume,
        "go on with a paused turn, or with the last one if it was interrupted, stopped or met a limit",
    )
    resumed.add_argument("id")
    turn_requests.add_limits(resumed)
    resumed.add_argument("--json", action="store_true", help="print the events exactly as stored")
    steered = command(group, "steer", turn_requests.steer, "add words to the running turn; its next model call reads them")
    steered.add_argument("id")
    steered.add_argument("text", nargs="*", help="the words; read from standard input when there are none")
    command(group, "pause", turn_requests.pause, "pause the running turn before its next step").add_argument("id")
    edited = command(
        group, "edit", turn_requests.edit, "change words that wait, or the prompt of a turn that waits; without a text, remove them"
    )
    edited.add_argument("id")
    edited.add_argument("what", help="the turn (t2), or the message as `steer` printed it")
    edited.add_argument("text", nargs="*")
    forked = command(group, "fork", turn_requests.fork, "make a new session with the history up to a turn")
    forked.add_argument("id")
    forked.add_argument("--turn", default="", help="the turn (default: the last one that ended)")
    retried = command(
        group, "retry", session_turns.retry, "ask a turn once more, or other words in its place, in a new session; the old one stays"
    )
    retried.add_argument("id")
    retried.add_argument("--text", default="", metavar="WORDS", help="other words in the place of its prompt")
    retried.add_argument("--turn", default="", help="the turn (default: the last one that ended)")
    retried.add_argument("--json", action="store_true", help="print the events exactly as stored")
    ended = command(group, "worktree", session_worktrees.worktree, "show a session's git worktree; merge it, keep it or drop it")
    ended.add_argument("id")
    ended.add_argument("action", nargs="?", default="", choices=["", "merge", "keep", "drop"], metavar="merge|keep|drop")
    ended.add_argument("--force", action="store_true", help="also when work is lost, or files change by which programs act")
    ended.add_argument("--stay", action="store_true", help="with merge: do not remove the worktree, so that the session can go on")
    ended.add_argument(
        "--into", default="", metavar="BRANCH", help="with merge: the branch that the repository is on now, when it is another one"
    )
    ended.add_argument("--json", action="store_true")
    pruned = command(group, "prune", sessions.prune, "move old sessions to the archive; without --yes, only list them")
    pruned.add_argument("--older-than", type=float, default=30.0, metavar="DAYS", help="days since the last activity (default: 30)")
    pruned.add_argument("--yes", action="store_true", help="do it")
    changed = command(group, "changes", changes.show, "list the files that a turn changed, by file tools and by commands, with their diffs")
    changed.add_argument("id")
    changed.add_argument("--turn", default="", help="the turn (default: the last one that changed files)")
    changed.add_argument("--stat", action="store_true", help="without the diffs")
    changed.add_argument("--json", action="store_true")
    undone = command(group, "undo", changes.undo, "take back what a turn changed in files: all of it, or nothing when a file cannot be")
    undone.add_argument("--turn", default="", help="the turn (default: the last one that changed files)")
    redone = command(group, "redo", changes.redo, "make again what was undone")
    redone.add_argument("--turn", default="", help="the turn (default: the earliest one of which something was undone)")
    for moved in (undone, redone):
        moved.add_argument("id")
        moved.add_argument("paths", nargs="*", metavar="PATH", help="only these files of the turn")
        moved.add_argument("--partly", action="store_true", help="when some files cannot be, do the others")
        moved.add_argument("--dry-run", action="store_true", help="only print what would be done")
        moved.add_argument("--json", action="store_true")
    repaired = command(group, "repair", sessions.repair, "repair a damaged session; without --yes, only report what would be kept")
    repaired.add_argument("id")
    repaired.add_argument("--yes", action="store_true", help="do it; a copy of the damaged file is kept")
    repaired.add_argument("--json", action="store_true")
    exported = command(group, "export", sessions.export, "write a session to a file")
    exported.add_argument("id")
    exported.add_argument("--format", choices=["markdown", "json", "text"], default="markdown")
    exported.add_argument("--output", default="", help="a new file (default: standard output)")
