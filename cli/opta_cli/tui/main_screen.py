"""The main screen: header, timeline, what happens now, completions, composer. It shows a session and passes on what a person wants."""

import time
from collections.abc import Callable
from typing import Any, ClassVar, cast

from rich.text import Text
from textual import events
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Static

from opta_core.clock import now_s
from opta_core.errors import OptaError
from opta_core.settings import LoadedSettings

from ..client import Client
from . import action_table
from .action_table import TypedCommand
from .composer import Composer
from .composer_completions import ComposerCompletions
from .detail_screen import DetailScreen
from .interrupt_keys import InterruptKeys
from .key_table import KEYS
from .live_session import LiveSession
from .palette_styles import PaletteStyles
from .picker_screen import PickerScreen
from .prompt_screen import ConfirmScreen, PromptScreen
from .question_desk import QuestionDesk
from .status_text import HeaderFacts, LiveFacts, context_of, header, live
from .suggestions import Choice
from .timeline_view import TimelineView
from .turn_rate import TurnRate

FLUSH_S, TICK_S = 0.1, 1.0
COLUMNS_MIN, ROWS_MIN = 60, 12


class MainScreen(Screen[int]):
    """An `ActionDesk`. `first`: the session to show, '' for a new one; `now`: the time of day in seconds."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(each.keys, f"do({each.action!r})", each.text, show=False, priority=True) for each in KEYS if each.keys
    ]

    def __init__(
        self,
        client: Client,
        loaded: LoadedSettings,
        settings: dict[str, str],
        styles: PaletteStyles,
        first: str = "",
        now: Callable[[], float] = now_s,
    ):
        super().__init__()
        self.loaded, self.row_styles = loaded, styles
        self.session = LiveSession(client, settings, self._on_change, self._on_connection)
        self.attachments: list[tuple[str, str]] = []
        self.commands: list[TypedCommand] = []
        self._settings, self._first = settings, first
        self._recent: list[str] = []
        self._rate = TurnRate(now)
        self._interrupts = InterruptKeys(self)
        self.questions = QuestionDesk(self)
        self._is_due = self._is_ready = False
        self._notice = ""
        self._shown_sid = ""
        self._columns = 0
        self._texts: dict[str, Text] = {}

    def compose(self) -> ComposeResult:
        with Vertical(id="whole"):
            yield Static(id="header")
            yield TimelineView(id="timeline")
            yield Static(id="live")
            yield ComposerCompletions(self, id="completions")
            yield Composer(id="composer")
        yield Static(id="narrow")

    @property
    def composer(self) -> Composer:
        """Where a person writes."""
        return self.query_one(Composer)

    @property
    def timeline(self) -> TimelineView:
        """What has happened."""
        return self.query_one(TimelineView)

    async def on_mount(self) -> None:
        self._is_ready = True
        self.timeline.styles_of_rows = self.query_one(ComposerCompletions).row_styles = self.row_styles
        self.composer.placeholder = "Message"
        self.composer.focus()
        self.set_interval(TICK_S, self._tick)
        self._on_change(True)
        if self._first:
            await self.opened(self._first)
        self.run_worker(self._load_commands(), group="commands")

    async def opened(self, name: str) -> None:
        """Show a session; what is wrong with it is said."""
        try:
            await self.session.open(name)
        except OptaError as error:
            self.say(error.message, is_problem=True)

    async def _load_commands(self) -> None:
        try:
            found = await self.session.requests.get("/v3/commands", cwd=self.session.settings["cwd"])
        except OptaError:
            return
        self.commands = [TypedCommand(each["name"], each["description"], each["arguments"]) for each in found["commands"]]

    # what has happened ------------------------------------------------------------------------------

    def _on_change(self, is_urgent: bool) -> None:
        if not self._is_ready:
            return
        if self.session.sid != self._shown_sid and self.session.is_whole:
            self._begin()
        if is_urgent:
            # Questions open and close at once; what is drawn waits for the next flush.
            self.questions.follow()
        if not self._is_due:
            self._is_due = True
            self.set_timer(FLUSH_S, self._flush)

    def _begin(self) -> None:
        """Another session is shown."""
        self._shown_sid = self.session.sid
        for turn in self.session.transcript.turns:
            if turn.role == "user" and (turn.command or turn.text):
                self.composer.remember(turn.command or turn.text)

    def _flush(self) -> None:
        self._is_due = False
        self.timeline.show(self.session.transcript)
        self._show_status()

    def _on_connection(self, reason: str) -> None:
        self._show_status()

    def _tick(self) -> None:
        self._show_status()

    def _show_status(self) -> None:
        session, transcript, width = self.session, self.session.transcript, max(1, (self._columns or self.size.width) - 2)
        turn, settings = session.active, session.settings
        model = settings["model"] or (self._last_model() or self.loaded.settings.default_model)
        used, limit = context_of(transcript)
        facts = HeaderFacts(
            session.title, session.sid, settings["cwd"], settings["mode"], settings["level"] or "", model, used, limit, session.lost
        )
        self._update("#header", Text("\n").join(header(facts, width, self.row_styles)))
        waits = ""
        if session.waiting is not None:
            waits = f"the model {'is loaded' if session.waiting.phase == 'loading' else 'is silent'} for {session.waiting.seconds:.0f} s"
        now = LiveFacts(
            turn,
            self._rate.elapsed_s(turn),
            self._rate.tokens_per_s(session.pieces, time.monotonic()),
            [_name(asked) for asked in session.asked],
            waits,
            len(session.queued),
            len(session.unread),
            transcript.plan if turn is not None else [],
            session.lost,
            self._notice or (f"Attached: {', '.join(name for _, name in self.attachments)}" if self.attachments else ""),
        )
        self._update("#live", live(now, width, self.row_styles))

    def _update(self, where: str, text: Text) -> None:
        """Paint only what has changed."""
        if self._texts.get(where) != text:
            self._texts[where] = text
            self.query_one(where, Static).update(text)

    def _last_model(self) -> str:
        turns = self.session.transcript.turns
        step = turns[-1].steps[-1] if turns and turns[-1].steps else None
        return f"{step.provider}/{step.model}" if step is not None else ""

    def on_resize(self, event: events.Resize) -> None:
        self._columns = event.size.width
        is_small = event.size.width < COLUMNS_MIN or event.size.height < ROWS_MIN
        self.query_one("#whole").display = not is_small
        narrow = self.query_one("#narrow", Static)
        narrow.display = is_small
        narrow.update(
            Text(
                f"Opta needs {COLUMNS_MIN} columns and {ROWS_MIN} rows; this terminal has {event.size.width} and {event.size.height}. "
                "Widen it, or use: opta chat"
            )
        )
        self._show_status()

    # what a person wants ----------------------------------------------------------------------------

    def action_do(self, action_id: str) -> None:
        """Do the action of a key."""
        match action_id:
            case "interrupt":
                self._interrupts.press(time.monotonic())
            case "leave":
                self._interrupts.leave()
            case "timeline":
                self.timeline.focus()
                self.timeline.action_choose(-1)
            case "palette":
                self.run_worker(self._palette(), group="action")
            case _:
                self.run_worker(self.run_action_of(action_id), group="action")

    async def run_action_of(self, action_id: str) -> None:
        """Do an action, or put a custom command into the composer."""
        if action_id.startswith("/"):
            self.composer.put(f"{action_id} ")
            self.composer.focus()
            return
        self._recent = [action_id, *(each for each in self._recent if each != action_id)][:5]
        await action_table.run(self, action_id)

    async def _palette(self) -> None:
        await self._load_commands()
        choices = action_table.palette(self.session, self.commands)
        if chosen := await self.pick("What to do", choices, recent=self._recent):
            await self.run_action_of(chosen)

    def on_composer_submitted(self, event: Composer.Submitted) -> None:
        text = event.text
        self.composer.clear_draft()
        self.composer.remember(text)
        self.timeline.to_end()
        self._notice = ""
        self.run_worker(self._send(text, is_next=event.is_next), group="send")

    async def _send(self, text: str, *, is_next: bool) -> None:
        """Words for the running turn, or a turn of their own. What is not accepted comes back into the composer."""
        attachments, self.attachments = [each for each, _ in self.attachments], []
        try:
            if self.session.running is not None and not (is_next or attachments or text.startswith("/")):
                await self.session.steer(text)
            else:
                await self.session.send(text, attachments=attachments)
        except OptaError as error:
            self.say(error.message, is_problem=True)
            if not self.composer.text:
                self.composer.put(text)
        self._show_status()

    def on_text_area_changed(self, event: Composer.Changed) -> None:
        self.query_one(ComposerCompletions).look()

    def on_text_area_selection_changed(self, event: Composer.SelectionChanged) -> None:
        self.query_one(ComposerCompletions).look()

    def on_composer_completed(self, event: Composer.Completed) -> None:
        self.query_one(ComposerCompletions).use(event.key)

    def on_composer_scrolled(self, event: Composer.Scrolled) -> None:
        height = max(1, self.timeline.size.height - 2)
        match event.key:
            case "ctrl+home":
                self.timeline.to_start()
            case "ctrl+end":
                self.timeline.to_end()
            case _:
                self.timeline.scroll_rows({"up": -1, "down": 1, "pageup": -height, "pagedown": height}[event.key])

    def on_composer_model_wanted(self, event: Composer.ModelWanted) -> None:
        self.action_do("models.use")

    def on_timeline_view_item_opened(self, event: TimelineView.ItemOpened) -> None:
        turn = self.session.transcript.turn(event.turn)
        call_id = event.item.removeprefix("call:")
        calls = [call for step in turn.steps for call in step.calls] if turn is not None else []
        at = next((number for number, call in enumerate(calls) if call.id == call_id), None)
        if at is not None and calls[at].state == "asking":
            self.show_question()
        elif at is not None:
            self._app.push_screen(DetailScreen(calls, at, self.row_styles))

    def key_escape(self) -> None:
        """Back to the composer, and to the end."""
        self.composer.focus()

    @property
    def _app(self) -> App[int]:
        return cast("App[int]", self.app)  # pyright: ignore[reportUnknownMemberType]

    # the desk of actions ----------------------------------------------------------------------------

    def say(self, text: str, *, is_problem: bool = False) -> None:
        """Say what was done, or why it was not."""
        if is_problem:
            self._app.notify(text, severity="error", timeout=10, markup=False)
        else:
            self._app.notify(text, timeout=5, markup=False)

    async def words(self, title: str, value: str = "", hint: str = "") -> str:
        """A line in a person's words; '' for none."""
        return await self._app.push_screen_wait(PromptScreen(title, value, hint))

    async def pick(self, title: str, choices: list[Choice], *, empty: str = "Nothing matches.", recent: list[str] | None = None) -> str:
        """What a person chooses; '' for nothing."""
        return await self._app.push_screen_wait(PickerScreen(title, choices, self.row_styles, empty=empty, recent=recent))

    async def confirm(self, title: str, text: str, yes: str) -> bool:
        """Whether a person says yes."""
        return await self._app.push_screen_wait(ConfirmScreen(title, text, yes, self.row_styles))

    async def panel(self, screen: Screen[Any]) -> Any:
        """Show a screen until it closes."""
        return await self._app.push_screen_wait(screen)

    def show_question(self) -> None:
        """Show the open question, also while there is a draft."""
        self.questions.show()

    def reset(self) -> None:
        """A new session in the folder where this terminal was started."""
        self.session.reset({**self._settings})

    def apply_settings(self, loaded: LoadedSettings) -> None:
        """Use other settings: the theme changes at once."""
        self.loaded = loaded
        self.post_message(SettingsChanged(loaded))

    def redraw(self, styles: PaletteStyles) -> None:
        """Draw everything in another palette."""
        self.row_styles = self.query_one(ComposerCompletions).row_styles = styles
        self.timeline.redraw(styles)
        self._show_status()


def _name(asked: Any) -> str:
    who = f"{asked.title}: " if asked.title else ""
    return who + (asked.permission.name if asked.permission is not None else "a question")


class SettingsChanged(Message):
    """Settings were written."""

    def __init__(self, loaded: LoadedSettings):
        super().__init__()
        self.loaded = loaded
