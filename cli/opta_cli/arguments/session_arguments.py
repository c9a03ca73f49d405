"""`opta sessions …` and `opta usage`."""

from argparse import ArgumentParser

from ..cli_command import CliCommand, json_option, number, whole
from .turn_arguments import EVENTS, limits


def _id(parser: ArgumentParser) -> None:
    parser.add_argument("id", help="the session's id, or its beginning")


def _id_json(parser: ArgumentParser) -> None:
    _id(parser)
    json_option(parser)


def _id_events(parser: ArgumentParser) -> None:
    _id(parser)
    json_option(parser, EVENTS)


def _list(parser: ArgumentParser) -> None:
    parser.add_argument("--q", default="", metavar="WORDS", help="filter: words of the title, or an id")
    parser.add_argument("--limit", type=whole(1, 1000), default=50, metavar="N", help="at most N sessions (default: 50)")
    parser.add_argument("--all", action="store_true", help="also list the sessions of sub-agents")
    json_option(parser)


def _search(parser: ArgumentParser) -> None:
    parser.add_argument("words", nargs="+", help="found where all of them are in one prompt, answer, command or result")
    parser.add_argument("--limit", type=whole(1, 1000), default=20, metavar="N", help="at most N passages (default: 20)")
    parser.add_argument("--archived", action="store_true", help="also search the archive and the trash")
    json_option(parser)


def _resume(parser: ArgumentParser) -> None:
    _id(parser)
    limits(parser)
    json_option(parser, EVENTS)


def _replay(parser: ArgumentParser) -> None:
    _id(parser)
    parser.add_argument("--speed", type=number(1, 20), default=1.0, metavar="N", help="N times as fast, from 1 to 20 (default: 1)")


def _steer(parser: ArgumentParser) -> None:
    _id(parser)
    parser.add_argument("text", nargs="*", help="the words; read from standard input when there are none")


def _edit(parser: ArgumentParser) -> None:
    _id(parser)
    parser.add_argument("what", help="the turn (t2), or the message as `steer` printed it")
    parser.add_argument("text", nargs="*", help="the new words; without them, it is removed")


def _fork(parser: ArgumentParser) -> None:
    _id(parser)
    parser.add_argument("--turn", default="", help="the turn (default: the last one that ended)")


def _fork_json(parser: ArgumentParser) -> None:
    _fork(parser)
    json_option(parser)


def _retry(parser: ArgumentParser) -> None:
    _fork(parser)
    parser.add_argument("--text", default="", metavar="WORDS", help="other words in place of its prompt")
    json_option(parser, EVENTS)


def _worktree(parser: ArgumentParser) -> None:
    _id(parser)
    parser.add_argument(
        "action", nargs="?", default="", choices=["", "merge", "keep", "drop"], metavar="merge|keep|drop", help="what becomes of it"
    )
    parser.add_argument("--force", action="store_true", help="also when work is lost, or files change by which programs act")
    parser.add_argument("--stay", action="store_true", help="with merge: do not remove the worktree, so that the session can go on")
    parser.add_argument(
        "--into", default="", metavar="BRANCH", help="with merge: the branch that the repository is on now, when it is another one"
    )
    json_option(parser)


def _prune(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--older-than", type=number(0, 36_500), default=30.0, metavar="DAYS", help="days since the last activity (default: 30)"
    )
    parser.add_argument("--yes", action="store_true", help="do it")
    json_option(parser)


def _changes(parser: ArgumentParser) -> None:
    _id(parser)
    parser.add_argument("--turn", default="", help="the turn (default: the last one that changed files)")
    parser.add_argument("--stat", action="store_true", help="without the diffs")
    json_option(parser)


def _undo(parser: ArgumentParser) -> None:
    parser.add_argument("--turn", default="", help="the turn (default: the last one that changed files)")
    _moved(parser)


def _redo(parser: ArgumentParser) -> None:
    parser.add_argument("--turn", default="", help="the turn (default: the earliest one of which something was undone)")
    _moved(parser)


def _moved(parser: ArgumentParser) -> None:
    _id(parser)
    parser.add_argument("paths", nargs="*", metavar="PATH", help="only these files of the turn")
    parser.add_argument(
        "--hunk",
        action="append",
        default=[],
        metavar="LINES",
        help="only this hunk of the one file PATH, by the header of its diff: --hunk='-12,4 +12,6'",
    )
    parser.add_argument("--partly", action="store_true", help="when some files cannot be, do the others")
    parser.add_argument("--dry-run", action="store_true", help="only print what would be done")
    json_option(parser)


def _repair(parser: ArgumentParser) -> None:
    _id(parser)
    parser.add_argument("--yes", action="store_true", help="do it; a copy of the damaged file is kept")
    json_option(parser)


def _export(parser: ArgumentParser) -> None:
    _id(parser)
    parser.add_argument(
        "--format", choices=["markdown", "json", "text", "html"], default="markdown", help="how it is written (default: markdown)"
    )
    parser.add_argument("--output", default="", metavar="FILE", help="a new file (default: standard output)")


def _rename(parser: ArgumentParser) -> None:
    _id(parser)
    parser.add_argument("title", nargs="+")


def _archive(parser: ArgumentParser) -> None:
    _id(parser)
    parser.add_argument("--back", action="store_true", help="list it again")


def _delete(parser: ArgumentParser) -> None:
    _id(parser)
    parser.add_argument("--yes", action="store_true", help="do not ask")


def _restore(parser: ArgumentParser) -> None:
    parser.add_argument("id", nargs="?", default="", help="the session's id, or its beginning; without it, list what can be restored")
    json_option(parser)


def _usage(parser: ArgumentParser) -> None:
    parser.add_argument("--days", type=whole(1, 36_500), default=30, metavar="N", help="of the last N days (default: 30)")
    parser.add_argument("--by", default="model", choices=["model", "day", "session", "folder"], help="one line for each of these")
    json_option(parser)


TOP = [
    CliCommand("usage", "count turns, tokens and time of the sessions in this home", "commands.usage_table:usage", "usage --by day", _usage)
]

COMMANDS = [
    CliCommand(
        "list",
        "list sessions, most recently active first",
        "commands.session_list:list_sessions",
        "sessions list --limit 10",
        _list,
        "lenient",
    ),
    CliCommand(
        "search",
        "search prompts, answers, commands and results of all sessions",
        "commands.session_search:search",
        "sessions search parser error",
        _search,
        "lenient",
    ),
    CliCommand("show", "print a session as it was shown", "commands.sessions:show", "sessions show a3b2", _id_json),
    CliCommand(
        "replay",
        "play a session back from its journal as it happened; long pauses are shortened",
        "commands.session_replay:replay",
        "sessions replay a3b2 --speed 10",
        _replay,
    ),
    CliCommand(
        "tools",
        "list every tool call of a session, with its decision and result",
        "commands.session_tools:tools",
        "sessions tools a3b2",
        _id_json,
    ),
    CliCommand(
        "context",
        "print what the model sees of a session, part by part with tokens",
        "commands.sessions:context",
        "sessions context a3b2",
        _id_json,
    ),
    CliCommand(
        "compact",
        "replace older turns with a summary in the model's context",
        "commands.session_turns:compact",
        "sessions compact a3b2",
        _id_events,
    ),
    CliCommand(
        "resume",
        "go on with a paused turn, or with the last one if it was interrupted, stopped or met a limit",
        "commands.session_turns:resume",
        "sessions resume a3b2 --max-steps 50",
        _resume,
    ),
    CliCommand(
        "steer",
        "add words to the running turn; its next model call reads them",
        "commands.turn_requests:steer",
        'sessions steer a3b2 "Leave the tests as they are"',
        _steer,
        rest="text",
    ),
    CliCommand("pause", "pause the running turn before its next step", "commands.turn_requests:pause", "sessions pause a3b2", _id),
    CliCommand("stop", "stop the running turn of a session", "commands.turn_requests:stop", "sessions stop a3b2", _id),
    CliCommand(
        "edit",
        "change words that wait, or the prompt of a turn that waits; without a text, remove them",
        "commands.turn_requests:edit",
        'sessions edit a3b2 t2 "Only the parser"',
        _edit,
        rest="text",
    ),
    CliCommand(
        "fork",
        "make a new session with the history up to a turn",
        "commands.turn_requests:fork",
        "sessions fork a3b2 --turn t2",
        _fork_json,
    ),
    CliCommand(
        "retry",
        "ask a turn once more, or other words in its place, in a new session; the old one stays",
        "commands.session_turns:retry",
        "sessions retry a3b2",
        _retry,
    ),
    CliCommand(
        "worktree",
        "show a session's git worktree; merge it, keep it or drop it",
        "commands.session_worktrees:worktree",
        "sessions worktree a3b2 merge",
        _worktree,
    ),
    CliCommand(
        "rename", "give a session another title", "commands.session_store:rename", "sessions rename a3b2 Parser", _rename, rest="title"
    ),
    CliCommand("clear", "begin the model's context anew; the history stays", "commands.session_store:clear", "sessions clear a3b2", _id),
    CliCommand(
        "archive",
        "leave a session out of lists; it is kept, and can be used",
        "commands.session_store:archive",
        "sessions archive a3b2",
        _archive,
    ),
    CliCommand(
        "delete",
        "move a session to the trash; `restore` brings it back",
        "commands.session_store:delete",
        "sessions delete a3b2 --yes",
        _delete,
    ),
    CliCommand(
        "restore",
        "bring back a session that was deleted or pruned; without an id, list them",
        "commands.session_store:restore",
        "sessions restore a3b2",
        _restore,
    ),
    CliCommand(
        "prune",
        "move old sessions out of the daemon into the archive folder; without --yes, only list them",
        "commands.sessions:prune",
        "sessions prune --older-than 90",
        _prune,
    ),
    CliCommand(
        "changes",
        "list the files that a turn changed, by file tools and by commands, with their diffs",
        "commands.changes:show",
        "sessions changes a3b2 --stat",
        _changes,
    ),
    CliCommand(
        "undo",
        "take back what a turn changed in files: all of it, or nothing when a file cannot be",
        "commands.changes:undo",
        "sessions undo a3b2 --dry-run",
        _undo,
    ),
    CliCommand("redo", "make again what was undone", "commands.changes:redo", "sessions redo a3b2", _redo),
    CliCommand(
        "repair",
        "repair a damaged session; without --yes, only report what would be kept",
        "commands.sessions:repair",
        "sessions repair a3b2",
        _repair,
    ),
    CliCommand("export", "write a session to a file", "commands.sessions:export", "sessions export a3b2 --format text", _export),
]
