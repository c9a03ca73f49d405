"""The commands of a conversation on a terminal, typed with a slash. What they do has the same name in `actions.py`.

Custom commands are expanded by the daemon; a built-in command comes before a custom one of the same name.
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from opta_core.errors import Refused
from opta_core.settings import Settings

from . import custom_command_list
from .client import Client
from .model_lookup import of_daemon
from .plain_text import plain, print_plain

MODES, LEVELS = ("chat", "do", "plan"), ("L1", "L2", "L3")


class SlashTalk(Protocol):
    """What a command acts on: the conversation loop."""

    client: Client
    settings: Settings
    session: dict[str, Any]
    # What is asked for with each turn.
    overrides: dict[str, Any]
    is_over: bool

    def compact(self) -> None: ...

    def resume(self) -> None: ...


class SlashCommand(NamedTuple):
    """`action`: its id in `actions.py`, '' for what has none."""

    word: str
    arguments: str
    text: str
    action: str
    run: Callable[[SlashTalk, str], None]


def named(text: str) -> tuple[SlashCommand, str] | None:
    """The built-in command that a message is, with the words behind it."""
    word, _, rest = text.strip().partition(" ")
    found = next((each for each in SLASH_COMMANDS if word == f"/{each.word}"), None)
    return (found, rest.strip()) if found else None


def _help(talk: SlashTalk, words: str) -> None:
    for each in SLASH_COMMANDS:
        _say(f"/{each.word} {each.arguments}".ljust(28) + f" {each.text}")
    custom_command_list.show(talk.client, talk.session["cwd"])
    _say(
        "Enter sends; Ctrl-J or Alt-Enter begins a line; Ctrl-R searches what you wrote; @ names a file; Ctrl-C stops a turn; Ctrl-D ends."
    )


def _clear(talk: SlashTalk, words: str) -> None:
    talk.client.post(f"/v3/sessions/{talk.session['id']}/clear")
    _say("The context begins anew. What was said stays in the session.")


def _compact(talk: SlashTalk, words: str) -> None:
    talk.compact()


def _resume(talk: SlashTalk, words: str) -> None:
    talk.resume()


def _model(talk: SlashTalk, words: str) -> None:
    if words:
        _change(talk, "model", of_daemon(talk.client, talk.settings, words))
    _say(f"This session uses {talk.session['model'] or 'the default model'}. All models: opta models list")


def _mode(talk: SlashTalk, words: str) -> None:
    _choose(talk, "mode", words, MODES)


def _level(talk: SlashTalk, words: str) -> None:
    _choose(talk, "level", words, LEVELS)


def _choose(talk: SlashTalk, name: str, words: str, known: tuple[str, ...]) -> None:
    if words and words not in known:
        raise Refused(f"There is no {name} {words!r}. Choose {', '.join(known[:-1])} or {known[-1]}.")
    if words:
        _change(talk, name, words)
    _say(f"The {name} of this session is {talk.session[name]}.")


def _change(talk: SlashTalk, name: str, value: str) -> None:
    talk.session.update(talk.client.ask("PATCH", f"/v3/sessions/{talk.session['id']}", {name: value}))
    # What the command line asked for is no longer wanted.
    talk.overrides.pop(name, None)


def _export(talk: SlashTalk, words: str) -> None:
    file = Path(words or f"opta-{talk.session['id']}.md").expanduser()
    content = talk.client.raw("GET", f"/v3/sessions/{talk.session['id']}/export?format=markdown")
    try:
        with open(file, "xb", opener=lambda path, flags: os.open(path, flags, 0o600)) as handle:
            handle.write(plain(content.decode()).encode())
    except OSError as error:
        raise Refused(f"{file} cannot be written: {error.strerror}. Name another file: /export FILE") from None
    _say(f"The session is in {file}.")


def _settings(talk: SlashTalk, words: str) -> None:
    _say(f"Settings are in {talk.client.paths.config}. Show them: opta config list. Change one: opta config set KEY VALUE")


def _quit(talk: SlashTalk, words: str) -> None:
    talk.is_over = True


def _say(text: str) -> None:
    print_plain(text, sys.stderr)


SLASH_COMMANDS: tuple[SlashCommand, ...] = (
    SlashCommand("help", "", "list commands and keys", "", _help),
    SlashCommand("clear", "", "begin the context anew", "context.clear", _clear),
    SlashCommand("compact", "", "summarise the context", "context.compact", _compact),
    SlashCommand("model", "[NAME]", "show or change the model of this session", "models.use", _model),
    SlashCommand("mode", "[chat|do|plan]", "show or change the mode of this session", "composer.toggle-mode", _mode),
    SlashCommand("level", "[L1|L2|L3]", "show or change which calls need your approval", "", _level),
    SlashCommand("resume", "", "go on with a paused or interrupted turn", "turn.continue", _resume),
    SlashCommand("export", "[FILE]", "write the session as Markdown", "session.export-markdown", _export),
    SlashCommand("settings", "", "say where the settings are", "", _settings),
    SlashCommand("quit", "", "end the conversation; the session is kept", "", _quit),
)
