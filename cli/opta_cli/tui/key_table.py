"""The keys of the main screen: one table for the bindings, the help and the palette. They reach every terminal that we know of."""

from typing import NamedTuple


class TerminalKey(NamedTuple):
    """`keys` as Textual names them, '' where the composer or the timeline deals with it. `action`: an id of `opta_cli.actions`, or a screen."""

    keys: str
    shown: str
    action: str
    text: str
    group: str


KEYS: tuple[TerminalKey, ...] = (
    TerminalKey("", "Enter", "turn.submit", "send the message", "Message"),
    TerminalKey("", "Ctrl+J, Alt+Enter", "", "begin a new line", "Message"),
    TerminalKey("", "Ctrl+T", "", "send it as the next turn, while one runs", "Message"),
    TerminalKey("", "Ctrl+↑, Ctrl+↓", "", "earlier and later messages", "Message"),
    TerminalKey("ctrl+r", "Ctrl+R", "history", "search the messages of this session", "Message"),
    TerminalKey("ctrl+c", "Ctrl+C", "interrupt", "stop an answer, pause a task (again: stop); clear the message; quit", "Turn"),
    TerminalKey("f5", "F5", "turn.continue", "go on with a paused or unfinished turn", "Turn"),
    TerminalKey("f4", "F4", "permission.answer", "show the open question", "Turn"),
    TerminalKey("shift+tab", "Shift+Tab", "composer.toggle-mode", "switch between Chat and Do", "Turn"),
    TerminalKey("", "Tab", "models.use", "choose a model, when the message is empty", "Turn"),
    TerminalKey("f6", "F6", "level", "change the permission level", "Turn"),
    TerminalKey("ctrl+p", "Ctrl+P", "palette", "every action", "Screens"),
    TerminalKey("ctrl+o", "Ctrl+O", "session.open", "sessions", "Screens"),
    TerminalKey("ctrl+n", "Ctrl+N", "session.new", "a new session", "Screens"),
    TerminalKey("f1", "F1", "help", "this help", "Screens"),
    TerminalKey("f2", "F2", "settings", "settings", "Screens"),
    TerminalKey("f7", "F7", "daemon.show", "the daemon's services", "Screens"),
    TerminalKey("f8", "F8", "logs", "logs", "Screens"),
    TerminalKey("f9", "F9", "triage.diagnose", "find out what is wrong", "Screens"),
    TerminalKey("", "↑ ↓ PgUp PgDn", "", "scroll, also from the composer", "Timeline"),
    TerminalKey("", "Ctrl+Home, Ctrl+End", "", "older turns; the end", "Timeline"),
    TerminalKey("f3", "F3", "timeline", "walk through tool calls and thinking: j k, Enter opens, Space unfolds", "Timeline"),
    TerminalKey("ctrl+d", "Ctrl+D", "leave", "quit, when the message is empty", "Timeline"),
)
