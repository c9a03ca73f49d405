"""What each action of `opta_cli.actions` does in the full-screen terminal, the slash commands, and the actions of its screens."""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from opta_core.errors import OptaError

from ..actions import ACTIONS
from ..plain_text import plain_line
from . import model_actions, screen_actions, session_actions, turn_actions
from .action_desk import ActionDesk
from .key_table import KEYS
from .live_session import LiveSession
from .suggestions import Choice

Run = Callable[[ActionDesk], Awaitable[Any]]

HANDLERS: dict[str, Run] = {
    "composer.attach": model_actions.attach,
    "composer.detach": model_actions.detach,
    "composer.toggle-mode": model_actions.toggle_mode,
    "session.new": session_actions.new,
    "session.open": session_actions.open_one,
    "session.children": session_actions.with_children,
    "session.parent": session_actions.parent,
    "session.rename": session_actions.rename,
    "session.archive": session_actions.archive,
    "session.trash": session_actions.trash,
    "session.restore": session_actions.restore,
    "session.review": turn_actions.review,
    "session.export-markdown": session_actions.export_markdown,
    "session.export-json": session_actions.export_json,
    "session.export-html": session_actions.export_html,
    "daemon.show": screen_actions.daemon,
    "context.compact": session_actions.compact,
    "context.clear": session_actions.clear,
    "turn.stop": turn_actions.stop,
    "turn.pause": turn_actions.pause,
    "turn.continue": turn_actions.resume,
    "turn.steer": turn_actions.steer,
    "turn.fork": turn_actions.fork,
    "turn.retry": turn_actions.retry,
    "turn.edit": turn_actions.edit,
    "turn.undo": turn_actions.undo,
    "turn.undo.partly": turn_actions.undo_partly,
    "turn.redo": turn_actions.redo,
    "waiting.edit": turn_actions.edit_waiting,
    "waiting.remove": turn_actions.remove_waiting,
    "permission.answer": screen_actions.show_question,
    "folder.trust": model_actions.trust,
    "plan.accept": turn_actions.accept_plan,
    "plan.change": turn_actions.change_plan,
    "triage.diagnose": screen_actions.triage,
    "triage.replay": turn_actions.replay,
    "models.use": model_actions.use,
    "models.default": model_actions.use_by_default,
}
# Actions of `opta_cli.actions` that need no entry here, with the reason.
ELSEWHERE: dict[str, str] = {
    "composer.focus": "Esc",
    "composer.write": "a person types",
    "session.search": "session.open has a filter",
    "session.filter": "session.open has a filter",
    "turn.submit": "Enter",
    "turn.resume": "turn.continue does both",
    "question.answer": "permission.answer shows both kinds of question",
    "file.undo": "the command line: opta sessions undo ID PATH",
    "file.redo": "the command line: opta sessions redo ID PATH",
    "hunk.undo": "the command line: opta sessions undo ID PATH --hunk LINES",
    "hunk.redo": "the command line: opta sessions redo ID PATH --hunk LINES",
    "playback.show": "the command line: opta sessions replay ID",
    "playback.speed": "the command line: opta sessions replay ID --speed 10",
    "usage.show": "the command line: opta usage",
    "usage.days": "the command line: opta usage --days 7",
    "worktree.toggle": "the command line makes worktrees: opta do --worktree TEXT",
    "worktree.keep": "the command line: opta sessions worktree ID keep",
    "worktree.leave": "the command line: opta sessions worktree ID merge",
    "providers.look": "the command line: opta doctor",
    "providers.use": "the command line: opta provider add",
    "triage.fix": "Enter on the triage screen",
    "triage.show": "triage.diagnose shows it",
    "triage.release": "the command line: opta sessions resume ID",
    "triage.set-key": "the command line: opta account rotate NAME",
    "triage.choose-model": "models.use and models.default",
    "triage.evidence": "the command line: opta doctor --session ID --evidence FILE",
    "triage.contain": "the command line: opta doctor --session ID --contain",
    "triage.note": "the command line: opta doctor --session ID --note",
    "daemon.control": "r, x and s on the daemon's screen",
    "daemon.copy-diagnostics": "triage.diagnose shows it",
    "connection.renew": "this terminal connects again by itself",
    "daemon.start": "this terminal starts the daemon; its screen starts services",
    "connection.retry": "this terminal connects again by itself",
    "models.bench": "the command line: opta models bench NAME",
    "models.bench-stop": "Ctrl+C ends opta models bench",
    "models.fetch": "the command line: opta models pull OWNER/NAME",
    "models.show": "models.use lists them; the command line shows more: opta models list",
    "models.load": "the command line: opta models load NAME",
    "models.unload": "the command line: opta models unload NAME",
    "models.pull": "the command line: opta models pull OWNER/NAME",
    "models.pause": "the command line: opta models pause NAME",
}
# Screens and settings of the terminal alone: id -> name and handler.
SCREENS: dict[str, tuple[str, Run]] = {
    "plan": ("Only read, and make a plan", model_actions.plan_mode),
    "level": ("Change the permission level", model_actions.level),
    "settings": ("Settings", model_actions.show_settings),
    "logs": ("Logs", screen_actions.logs),
    "history": ("Search the messages of this session", screen_actions.history),
    "help": ("Help", screen_actions.help_keys),
}
# Slash command -> action.
SLASH: dict[str, str] = {
    "clear": "context.clear",
    "compact": "context.compact",
    "model": "models.use",
    "settings": "settings",
    "export": "session.export-markdown",
    "sessions": "session.open",
    "new": "session.new",
    "plan": "plan",
    "level": "level",
    "undo": "turn.undo",
    "review": "session.review",
    "rename": "session.rename",
    "triage": "triage.diagnose",
    "daemon": "daemon.show",
    "logs": "logs",
    "help": "help",
}


class TypedCommand(NamedTuple):
    """A custom command of commands/*.md: it is put into the composer, because it may take words."""

    name: str
    description: str
    arguments: str


async def run(desk: ActionDesk, action_id: str) -> None:
    """Do an action. Whatever the daemon refuses is said in a sentence."""
    handler = HANDLERS.get(action_id) or SCREENS[action_id][1]
    try:
        await handler(desk)
    except OptaError as error:
        desk.say(error.message, is_problem=True)


def palette(session: LiveSession, commands: list[TypedCommand]) -> list[Choice]:
    """Every action that can be done now, with its key; then the custom commands."""
    shown = {each.action: each.shown for each in KEYS if each.action}
    slash = {action: f"/{name}" for name, action in SLASH.items()}
    made = [
        Choice(each.id, each.name, slash.get(each.id, ""), group="Actions", hint=shown.get(each.id, ""))
        for each in ACTIONS
        if each.id in HANDLERS and _can(each.needs, session)
    ]
    made += [Choice(key, name, slash.get(key, ""), group="Screens", hint=shown.get(key, "")) for key, (name, _) in SCREENS.items()]
    return made + [_command(each) for each in commands]


def slash_choices(commands: list[TypedCommand]) -> list[Choice]:
    """What a message can begin with: our commands, then those of commands/*.md."""
    names = {each.id: each.name for each in ACTIONS} | {key: name for key, (name, _) in SCREENS.items()}
    ours = [Choice(action, f"/{name}", names[action]) for name, action in SLASH.items()]
    return ours + [_command(each) for each in commands]


def _command(each: TypedCommand) -> Choice:
    return Choice(f"/{each.name}", f"/{each.name}", plain_line(f"{each.arguments}  {each.description}".strip()), group="Your commands")


def _can(needs: str, session: LiveSession) -> bool:
    return {
        "session": bool(session.sid),
        "running": session.running is not None,
        "waiting": bool(session.unread or session.queued),
        "plan": bool(session.plan_turn),
    }.get(needs, True)
