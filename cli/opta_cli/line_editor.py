"""The editor of a message on a terminal: several lines, history with Ctrl-R, and completion of commands and files.

Enter sends; Ctrl-J and Alt-Enter begin a line. A paste never sends, marked or not; a long one becomes a file of the message.
Only a conversation on a terminal imports this module.
"""

import select
import sys
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from prompt_toolkit import PromptSession
from prompt_toolkit.application import Application, run_in_terminal
from prompt_toolkit.completion import CompleteEvent, Completer, Completion, ThreadedCompleter
from prompt_toolkit.data_structures import Point
from prompt_toolkit.document import Document
from prompt_toolkit.filters import is_searching
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.keys import Keys
from prompt_toolkit.layout.screen import Char
from prompt_toolkit.output.vt100 import Vt100_Output
from prompt_toolkit.styles import Style

from opta_core.errors import OptaError

from .client import Client
from .completion_word import reference, word_at
from .interruption import interruptible
from .plain_text import plain_line
from .prompt_history import history_of
from .slash_commands import SLASH_COMMANDS
from .terminal_look import has_colour, rewraps

PROMPT = "you ▸ "
# As on the page: a longer text that is pasted becomes a file. The daemon takes so many bytes of one.
PASTED_CHARS_MAX, FILE_BYTES_MAX = 20_000, 16 * 1024**2
# Keys that follow Enter within this time were pasted.
TOGETHER_S = 0.03
MENU_ROWS, NOTE_CHARS_MAX = 6, 60
_STYLE = {"prompt": "ansibrightmagenta bold", "completion-menu.meta": "italic"}


class EditedMessage(NamedTuple):
    """A message that was sent: its text, and the long texts that were pasted into it, each with its name."""

    text: str
    files: list[tuple[str, bytes]]


class LineEditor:
    """The editor of one conversation in the folder `cwd`."""

    def __init__(self, client: Client, cwd: str):
        self._pasted: dict[str, str] = {}
        output = _EditorOutput.from_pty(sys.stderr)
        # A terminal's answer to the question for its cursor may come too late, and would be read as typed.
        output.enable_cpr = False
        self._session: PromptSession[str] = PromptSession(
            history=history_of(client.paths.home),
            completer=ThreadedCompleter(_MessageCompleter(client.another(), cwd)),
            complete_while_typing=True,
            multiline=True,
            key_bindings=self._keys(),
            prompt_continuation=" " * len(PROMPT),
            reserve_space_for_menu=MENU_ROWS,
            enable_suspend=True,
            enable_open_in_editor=True,
            tempfile_suffix=".md",
            style=Style.from_dict(_STYLE if has_colour() else {}),
            output=output,
        )
        if rewraps():
            _follow_width(self._session.app)

    def read(self, draft: str = "") -> EditedMessage:
        """The next message, begun with a draft. Raises EOFError at Ctrl-D, KeyboardInterrupt at Ctrl-C without a draft, and for a signal."""
        with interruptible():
            text = self._session.prompt(FormattedText([("class:prompt", PROMPT)]), default=draft)
        files = [(name, content.encode(errors="replace")) for name, content in self._pasted.items() if _mark(name, content) in text]
        return EditedMessage(text, files)

    def _keys(self) -> KeyBindings:
        keys = KeyBindings()

        @keys.add("enter", filter=~is_searching)
        def _(event: KeyPressEvent) -> None:
            buffer = event.current_buffer
            if _is_pasting(event):
                buffer.insert_text("\n")
            elif buffer.complete_state is not None and buffer.complete_state.current_completion is not None:
                buffer.complete_state = None
            else:
                buffer.validate_and_handle()

        @keys.add("c-j", filter=~is_searching)
        @keys.add("escape", "enter", filter=~is_searching)
        def _(event: KeyPressEvent) -> None:
            event.current_buffer.insert_text("\n")

        @keys.add("tab", filter=~is_searching)
        def _(event: KeyPressEvent) -> None:
            buffer = event.current_buffer
            if buffer.complete_state is not None:
                buffer.complete_next()
            elif word_at(buffer.document.text_before_cursor) is None:
                buffer.insert_text("\t")
            else:
                buffer.start_completion(select_first=True)

        @keys.add("c-c")
        def _(event: KeyPressEvent) -> None:
            if event.current_buffer.text:
                event.current_buffer.reset()
            else:
                event.app.exit(exception=KeyboardInterrupt())

        @keys.add(Keys.BracketedPaste)
        def _(event: KeyPressEvent) -> None:
            event.current_buffer.insert_text(self._taken(event.data.replace("\r\n", "\n").replace("\r", "\n")))

        return keys

    def _taken(self, text: str) -> str:
        """The words of the message for a text that was pasted."""
        if len(text) <= PASTED_CHARS_MAX:
            return text
        size = len(text.encode(errors="replace"))
        if size > FILE_BYTES_MAX:
            problem = (
                f"opta: the paste has {size >> 20} MiB, and a file of a message at most {FILE_BYTES_MAX >> 20}. Name it instead: @path"
            )
            run_in_terminal(lambda: print(problem, file=sys.stderr))
            return ""
        name = f"pasted-{len(self._pasted) + 1}.txt"
        self._pasted[name] = text
        return _mark(name, text)


def _follow_width(app: Application[str]) -> None:
    """Remove the whole prompt when the width changes: the terminal has wrapped its rows again, so that they take more rows than were drawn."""
    redraw, resized = app._redraw, app._on_resize
    known = app.output.get_size()
    # A second look at the size would draw once more, perhaps for a width that is no longer that of the terminal.
    app.terminal_size_polling_interval = None

    def find_cursor() -> None:
        nonlocal known
        size, renderer = app.output.get_size(), app.renderer
        columns, screen, cursor = size.columns, renderer.last_rendered_screen, renderer._cursor_pos
        if columns not in (0, known.columns) and screen is not None:
            widths = [_width(screen.data_buffer[row]) for row in range(cursor.y)]
            more = sum((max(1, width) - 1) // columns for width in widths) + cursor.x // columns
            renderer._cursor_pos = Point(x=cursor.x % columns, y=cursor.y + more)
        known = size

    def find_and_redraw(render_as_done: bool = False) -> None:
        find_cursor()
        redraw(render_as_done)

    def find_and_resize() -> None:
        # tmux also tells of a size that is the same: nothing was wrapped again for it.
        if app.output.get_size() != known:
            find_cursor()
            resized()

    # Both draw: the first when a completion comes before the signal does.
    app._redraw, app._on_resize = find_and_redraw, find_and_resize


def _width(row: Mapping[int, Char]) -> int:
    """The columns of a row up to its last visible character."""
    return max((column + cell.width for column, cell in row.items() if cell.char.strip()), default=0)


def _mark(name: str, text: str) -> str:
    return f"[{name}: {text.count(chr(10)) + 1} lines]"


def _is_pasting(event: KeyPressEvent) -> bool:
    """Whether more keys came together with this one, as no hand types them."""
    return bool(event.key_processor.input_queue) or bool(select.select([sys.stdin.fileno()], [], [], TOGETHER_S)[0])


class _Suggested(NamedTuple):
    """What is written into the message, how it is listed, and a note beside it."""

    text: str
    shown: str
    note: str


class _EditorOutput(Vt100_Output):
    def erase_down(self) -> None:
        """Clear the rest of the screen, from its second column on: tmux remembers a screen that is cleared from its first one."""
        self.write_raw("\x1b7\x1b[K\x1b[C\x1b[J\x1b8")


class _MessageCompleter(Completer):
    def __init__(self, client: Client, cwd: str):
        self._client, self._cwd = client, cwd
        self._commands: list[_Suggested] = []

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        """The likeliest first; none where the daemon cannot be asked."""
        word = word_at(document.text_before_cursor)
        if word is None:
            return
        begins = word.begins - document.cursor_position
        try:
            found = self._named(word.query) if word.kind == "command" else self._files(word.query)
        except OptaError:
            return
        for text, shown, note in found:
            yield Completion(text, start_position=begins, display=plain_line(shown), display_meta=plain_line(note)[:NOTE_CHARS_MAX])

    def _named(self, query: str) -> list[_Suggested]:
        """Names that begin so, then those that hold it, then descriptions that do."""
        self._commands = self._commands or self._known()
        sought = query.lower()

        def rank(each: _Suggested) -> int:
            name, note = each.shown[1:].lower(), each.note.lower()
            return 0 if name.startswith(sought) else 1 if sought in name else 2 if sought in note else 3

        return [each for each in sorted(self._commands, key=rank) if rank(each) < 3]

    def _known(self) -> list[_Suggested]:
        """Commands of conversations, commands of the user and the folder, and skills, which are words for the model."""
        built_in = [_Suggested(f"/{each.word} ", f"/{each.word}", each.text) for each in SLASH_COMMANDS]
        names = {each.word for each in SLASH_COMMANDS}
        custom = self._client.get("/v3/commands", cwd=self._cwd)["commands"]
        skills = self._client.get("/v3/skills", cwd=self._cwd)["skills"]
        return [
            *built_in,
            *(_Suggested(f"/{each['name']} ", f"/{each['name']}", each["description"]) for each in custom if each["name"] not in names),
            *(_Suggested(_wanted(each), f"/{each['name']}", f"skill: {each['description']}") for each in skills),
        ]

    def _files(self, query: str) -> list[_Suggested]:
        found = self._client.get("/v3/files", cwd=self._cwd, q=query)["files"]
        texts = [(reference(each["path"], is_folder=each["isFolder"]), each["isFolder"]) for each in found]
        # Behind a folder that needs no quotes, its files are completed at once.
        return [
            _Suggested(text if text.endswith("/") else f"{text} ", text, "folder" if is_folder else "") for text, is_folder in texts if text
        ]


def _wanted(skill: dict[str, Any]) -> str:
    """The words that ask for a skill: with its file when the model does not know it."""
    return f"Use the skill {skill['name']}: " if skill["isListed"] else f"Use the skill {skill['name']} ({skill['path']}): "
