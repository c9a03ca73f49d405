"""Message after message on one terminal: each is sent and followed to its end, or is a command of the conversation."""

import sys
import time
from collections.abc import Callable
from typing import Any

from opta_core.errors import OptaError
from opta_core.settings import Settings
from opta_protocol.error_info import ErrorCode

from . import plan_answer, slash_commands
from .client import Client
from .exit_codes import ExitCode, of_signal
from .interruption import number_of
from .message_line import read_message
from .piped_text import checked_prompt
from .plain_text import print_plain
from .terminal_conversation import Conversation
from .terminal_look import can_edit

PROMPT, QUIT_WITHIN_S = "you ▸ ", 2.0
Files = list[tuple[str, bytes]]
# What a request can be refused for without an end of the conversation.
_MENDABLE = frozenset({ErrorCode.invalid, ErrorCode.not_found, ErrorCode.model_not_found, ErrorCode.too_large, ErrorCode.conflict})


class ConversationLoop:
    """`overrides` hold for every turn, `attachments` go with the first one."""

    def __init__(
        self,
        client: Client,
        settings: Settings,
        session: dict[str, Any],
        conversation: Conversation,
        overrides: dict[str, Any],
        attachments: list[str],
    ):
        self.client, self.settings, self.session, self.overrides = client, settings, dict(session), overrides
        self.is_over = False
        self._conversation, self._attachments = conversation, attachments
        self._read = _editor(client, session["cwd"]) if can_edit() else _plain_line
        self._interrupted_at = 0.0

    def run(self, text: str) -> int:
        """Converse until the person ends it, beginning with `text` when there is one. Returns the exit code."""
        session = self.session
        print_plain(f"Opta · s-{session['id']} · {session['mode']} · {session['model'] or 'default model'} · Ctrl-D ends", sys.stderr)
        if text.strip():
            self._send(text, [])
        while not self.is_over and not self._conversation.left_with:
            try:
                print(file=sys.stderr, flush=True)
                self._send(*self._read(self._conversation.take_draft()))
            except EOFError:
                print(file=sys.stderr)
                return ExitCode.done
            except KeyboardInterrupt as error:
                if error.args:
                    return of_signal(number_of(error))
                if time.monotonic() - self._interrupted_at < QUIT_WITHIN_S:
                    return ExitCode.done
                self._interrupted_at = time.monotonic()
                print("\n(Ctrl-C again or Ctrl-D ends)", file=sys.stderr)
        return self._conversation.left_with or ExitCode.done

    def compact(self) -> None:
        """Summarise the context."""
        self._conversation.compact()

    def resume(self) -> None:
        """Go on with the last turn."""
        self._conversation.resume({})

    def _send(self, text: str, files: Files) -> None:
        """Send a message, or run the command that it is. What is refused can be written anew."""
        if not text.strip():
            return
        try:
            if command := slash_commands.named(text):
                command[0].run(self, command[1])
                return
            attachments = [*self._attachments, *(self.client.upload(name, content) for name, content in files)]
            code = self._conversation.run(checked_prompt(text), **self.overrides, attachments=attachments)
            self._attachments = []
            if not self._conversation.left_with:
                plan_answer.settle(self._conversation, code)
        except OptaError as error:
            if error.code not in _MENDABLE:
                raise
            print_plain(f"opta: {error.message}", sys.stderr)


def _plain_line(draft: str) -> tuple[str, Files]:
    return read_message(PROMPT), []


def _editor(client: Client, cwd: str) -> Callable[[str], tuple[str, Files]]:
    from .line_editor import LineEditor

    return LineEditor(client, cwd).read
