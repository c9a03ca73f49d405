"""`opta chat`, `opta do` and `opta review`, and the options of every command that starts a turn."""

from argparse import ArgumentParser

from ..cli_command import CliCommand, json_option, number, whole

EVENTS = "print the events exactly as stored"
LIMITS = {
    "steps": "model calls",
    "calls": "tool calls",
    "minutes": "minutes without those in which you are waited for",
    "tokens": "tokens read and written",
}


def limits(parser: ArgumentParser) -> None:
    """The options `--max-steps` and so on. 0 means that none is set."""
    for name, what in LIMITS.items():
        kind = number(0.01, 1e6) if name == "minutes" else whole(1)
        parser.add_argument(f"--max-{name}", type=kind, default=0, metavar="N", help=f"end the turn after N {what}")


def _conversation(parser: ArgumentParser) -> None:
    parser.add_argument("text", nargs="*", help="the prompt; piped standard input is added to it")
    parser.add_argument("--session", default="", metavar="ID", help="continue this session; one that runs is followed")
    parser.add_argument("--continue", dest="continues", action="store_true", help="continue the last session of this folder")
    parser.add_argument("--model", default="", help="provider/model, or a model's name")
    parser.add_argument(
        "--level",
        default="",
        choices=["L1", "L2", "L3"],
        help="which calls need your approval: L1 all, L2 by the default rules, L3 not for writes in the workspace",
    )
    parser.add_argument("--cwd", default="", metavar="FOLDER", help="the workspace (default: the current folder)")
    parser.add_argument(
        "--attach",
        "--image",
        action="append",
        default=[],
        metavar="FILE",
        help="send an image or a text file with the prompt; may be repeated (files of the workspace: @path in the prompt)",
    )
    json_option(parser, EVENTS)
    limits(parser)
    parser.add_argument(
        "--worktree", action="store_true", help="work in a git worktree that is made for the session, beside the repository"
    )
    parser.add_argument("--carry", action="store_true", help="with --worktree: also with the uncommitted changes of the repository")
    parser.add_argument("--watch", action="store_true", help="notify the desktop, and ring the bell, when the turn ends or asks")


def _chat(parser: ArgumentParser) -> None:
    _conversation(parser)
    parser.add_argument("--mode", default="chat", choices=["chat", "do", "plan"], help="what the model may do (default: chat)")
    parser.add_argument("--once", action="store_true", help="one prompt, then exit")


def _do(parser: ArgumentParser) -> None:
    _conversation(parser)
    parser.add_argument("--plan", action="store_true", help="only read, and make a plan that you accept or change")
    parser.add_argument("--from-plan", default="", metavar="TURN", help="carry out the plan of a turn of --session")


def _tui(parser: ArgumentParser) -> None:
    parser.add_argument("--session", default="", metavar="ID", help="show this session; one that runs is followed")
    parser.add_argument("--continue", dest="continues", action="store_true", help="show the last session of this folder")
    parser.add_argument("--model", default="", help="provider/model, or a model's name, for a new session")
    parser.add_argument("--level", default="", choices=["L1", "L2", "L3"], help="which calls of a new session need your approval")
    parser.add_argument("--mode", default="chat", choices=["chat", "do", "plan"], help="the mode of a new session (default: chat)")
    parser.add_argument("--cwd", default="", metavar="FOLDER", help="the workspace (default: the current folder)")


def _review(parser: ArgumentParser) -> None:
    parser.add_argument("session", nargs="?", default="", help="the session (default: the last one of this folder)")
    parser.add_argument("--stat", action="store_true", help="only the names of files and how many lines changed")
    json_option(parser)


def _acp(parser: ArgumentParser) -> None:
    parser.add_argument("--mode", default="do", choices=["chat", "do", "plan"], help="the mode of new sessions (default: do)")
    parser.add_argument("--level", default="", choices=["L1", "L2", "L3"], help="the level of new sessions (default: that of the mode)")
    parser.add_argument("--model", default="", help="the model of new sessions: provider/model, or a model's name")


TOP = [
    CliCommand(
        "chat",
        "hold a conversation; you approve each step",
        "commands.chat:chat",
        'chat --once "What does this project do?"',
        _chat,
        rest="text",
    ),
    CliCommand(
        "do", "work on a task until it is done", "commands.chat:do", 'do "Add a test for the parser" --max-steps 20', _do, rest="text"
    ),
    CliCommand("acp", "be the agent of an editor, which starts this (Agent Client Protocol)", "commands.acp:acp", "acp --mode chat", _acp),
    CliCommand(
        "tui", "use the full-screen terminal; `opta` alone does the same on a terminal", "commands.full_screen:tui", "tui --mode do", _tui
    ),
    CliCommand("review", "show what a session has changed in files, as one diff", "commands.review:review", "review --stat", _review),
]
