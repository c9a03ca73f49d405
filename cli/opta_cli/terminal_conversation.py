"""One session on a terminal: prompts go in, its events are shown, questions are asked, and Ctrl-C pauses or stops."""

import contextlib
import signal
import sys
import time
from typing import TYPE_CHECKING, Any

from opta_core.errors import OptaError
from opta_protocol import events as e
from opta_protocol import wire
from opta_protocol.child_events import ChildStart, ChildState

from . import ask_user, desktop_notice, question, session_past
from .child_lines import ChildLines
from .client import Client, new_key
from .daemon_state import NoDaemon, look
from .exit_codes import ExitCode, of_signal
from .interruption import interruptible, number_of
from .plain_printer import PlainPrinter
from .plain_text import plain_json
from .terminal_look import can_draw
from .typed_draft import TypedDraft
from .view import SessionView, ViewPart

if TYPE_CHECKING:
    from .terminal_printer import TerminalPrinter

# A daemon that restarts is back sooner.
GONE_S = 4.0


class Conversation:
    """`rings`: the bell says that something ended or asks; `notifies`: the desktop says so too; `shows_past`: what was before is read, and
    shown to a person; `after`: without that, the seq after which events are shown; `goes_on`: another message may follow, so that what is
    typed meanwhile is kept for it."""

    def __init__(
        self,
        client: Client,
        session: dict[str, Any],
        *,
        as_json: bool,
        interactive: bool,
        rings: bool,
        notifies: bool = False,
        shows_past: bool = False,
        after: int = 0,
        shows_thinking: bool = False,
        goes_on: bool = False,
    ):
        self._client, self._as_json, self._interactive = client, as_json, interactive
        self._rings, self._notifies = rings, notifies
        self._sid, self._cwd, self._mode, self._title = (str(session[name]) for name in ("id", "cwd", "mode", "title"))
        self._paths = client.paths
        self.view = SessionView()
        self._printer = printer_here(as_json=as_json, shows_thinking=shows_thinking)
        # Where answers are drawn, what is typed meanwhile is not echoed into them.
        self._keys: TypedDraft | None = None
        if not isinstance(self._printer, PlainPrinter):
            self._keys = TypedDraft(keeps=goes_on, on_change=self._printer.draft, on_continued=self._printer.begin_below)
        self._children = ChildLines(client, self._cwd)
        self._is_over = self._is_pausing = False
        self._lost_at = 0.0
        self._active = str(session.get("activeTurn") or "")
        # What the running turn had said before this terminal came.
        self._begun: list[ViewPart] = []
        # The last turn, when it came to a plan that can be accepted.
        self.plan_turn = ""
        # The exit code when the terminal or the reader is gone, so that there is nobody to converse with.
        self.left_with = 0
        self.view.seq = after
        if shows_past:
            self.view = session_past.read(client, self._sid, int(session["lastSeq"]))
            if interactive:
                self._begun = session_past.show(self.view, self._active)

    def run(self, text: str, **overrides: Any) -> int:
        """Submit a prompt and follow the turn to its end. Returns the exit code."""
        body = {"text": text, **{name: value for name, value in overrides.items() if value}}
        return self.follow(self._client.post(f"/v3/sessions/{self._sid}/turns", body, new_key())["turnId"])

    def carry_out(self, turn: str, text: str = "") -> int:
        """Accept the plan of a turn, and follow the turn that carries it out. Returns the exit code."""
        self._mode = "do"
        return self.run(text, fromPlan=turn)

    def resume(self, limits: dict[str, Any]) -> int:
        """Go on with a paused turn, or continue the last one, which was interrupted. Returns the exit code."""
        body = {"limits": limits} if limits else {}
        return self.follow(self._client.post(f"/v3/sessions/{self._sid}/resume", body, new_key())["turnId"])

    def compact(self) -> int:
        """Summarise the context. Returns the exit code."""
        return self.follow(self._client.post(f"/v3/sessions/{self._sid}/compact", {}, new_key())["turnId"])

    def join(self) -> int:
        """Follow the turn that runs already, with its open question. Returns the exit code; done when none runs."""
        if not self._active:
            return ExitCode.done
        self._printer.line(f"… s-{self._sid} is at work; following {self._active} (Ctrl-C pauses or stops it)")
        return self.follow(self._active)

    def follow(self, turn: str) -> int:
        """Follow a turn that was accepted, to its end. Returns the exit code."""
        self._is_over, self._is_pausing, self.plan_turn = False, False, ""
        begun, self._begun = self._begun, []
        with interruptible(), self._keys.collecting() if self._keys else contextlib.nullcontext(), self._printer.drawing():
            for part in begun:
                self._printer.show(part)
            while not self._is_over:
                try:
                    self._ask_open(turn)
                    self._follow(turn)
                except KeyboardInterrupt as error:
                    if number_of(error) != signal.SIGINT:
                        self._leave(turn)
                        self.left_with = of_signal(number_of(error))
                        return self.left_with
                    self._interrupt_again(turn)
                except BrokenPipeError:
                    # Nobody reads the answer any more: as Ctrl-C.
                    self._leave(turn)
                    self.left_with = ExitCode.cancelled
                    return self.left_with
        state = self.view.turn(turn)
        if self._notifies and not self._is_pausing:
            desktop_notice.notify("Opta", f"{self._title or self._sid}: {(state.outcome or ExitCode.done).name}")
        self.plan_turn = turn if state.has_plan else ""
        return state.outcome if state.outcome is not None else ExitCode.cancelled

    def take_draft(self) -> str:
        """What was typed while turns ran, for the next message."""
        return self._keys.take() if self._keys else ""

    def _interrupt_again(self, turn: str) -> None:
        """Deal with Ctrl-C, and with another one that comes while the first is passed on."""
        while True:
            try:
                self._interrupt(turn)
                return
            except KeyboardInterrupt:
                continue

    def _interrupt(self, turn: str) -> None:
        """Ctrl-C: work on a task pauses at a safe point, and stops the second time; an answer stops at once."""
        is_stop = self._mode_of(turn) != "do" or self._is_pausing
        self._is_pausing = True
        self._printer.line("stopping …" if is_stop else "pausing before the next step … (Ctrl-C again stops)")
        self._request("stop" if is_stop else "pause", turn)

    def _leave(self, turn: str) -> None:
        """The terminal or the reader is gone: nobody can be asked, so a task pauses and can be resumed, and an answer stops."""
        with contextlib.suppress(OSError):
            self._printer.line(f"The terminal has gone. Go on: opta sessions resume s-{self._sid}")
        self._request("pause" if self._mode_of(turn) == "do" else "stop", turn)

    def _mode_of(self, turn: str) -> str:
        return self.view.turn(turn).mode or self._mode

    def _request(self, action: str, turn: str) -> None:
        with contextlib.suppress(OptaError):
            self._client.post(f"/v3/sessions/{self._sid}/{action}", {"turnId": turn})

    def _follow(self, turn: str) -> None:
        for line in self._client.events(self._sid, self.view.seq, on_lost=self._on_lost, is_over=lambda: self._is_over):
            self._lost_at = 0.0
            if self._as_json:
                # On a terminal, harmful characters are escaped; the JSON has the same meaning.
                sys.stdout.buffer.write((plain_json(line) if sys.stdout.isatty() else line) + b"\n")
                sys.stdout.buffer.flush()
            event = wire.decode(line)
            self._show(event, is_ours=event.turn == turn or not event.turn)
            # Who paused it here does not wait for it; who follows it from elsewhere does.
            is_left = isinstance(event, e.TurnPaused) and self._is_pausing
            if isinstance(event, e.SessionCancelled) and event.turn == turn and self._is_pausing:
                self._printer.line(f"Go on with it: opta sessions resume s-{self._sid}")
            if event.turn == turn and (is_left or isinstance(event, e.ENDINGS)):
                self._is_over = True
                return

    def _on_lost(self) -> None:
        """The stream broke. Raises NoDaemon when the daemon was stopped, and does not come back."""
        now = time.monotonic()
        if not self._lost_at:
            self._lost_at = now
            self._printer.line("opta: the connection to the daemon is lost; reconnecting …")
        if now - self._lost_at > GONE_S and (found := look(self._paths)).state in ("absent", "stopped"):
            raise NoDaemon(f"{found.sentence} The session is kept; then go on: opta sessions resume s-{self._sid}")

    def _show(self, event: Any, *, is_ours: bool) -> None:
        parts = self.view.apply(event)
        if not is_ours:
            return
        if self._rings and isinstance(event, e.TurnDone | e.TurnError | e.PermissionRequest | e.QuestionAsked):
            print("\a", end="", file=sys.stderr, flush=True)
        if isinstance(event, e.StepDone | e.ToolCall):
            self._printer.flush()
        for part in parts:
            self._printer.show(part)
        if isinstance(event, ChildStart):
            self._children.begin(event)
        elif isinstance(event, ChildState):
            self._show_child(event)
        elif isinstance(event, e.PermissionRequest | e.QuestionAsked) and self._interactive:
            if self._notifies:
                desktop_notice.notify("Opta asks", f"{self._title or self._sid}: {getattr(event, 'name', '') or 'a question'}")
            self._ask(event)

    def _ask_open(self, turn: str) -> None:
        """Ask the questions that were open when this terminal came."""
        for asked in [asked for asked in self.view.open.values() if asked.turn == turn]:
            if self._interactive:
                self._ask(asked)

    def _ask(self, asked: e.PermissionRequest | e.QuestionAsked) -> None:
        self._printer.line("")
        try:
            with self._no_keys():
                if isinstance(asked, e.PermissionRequest):
                    question.answer(self._client, asked, self._cwd)
                else:
                    ask_user.answer(self._client, asked)
        except KeyboardInterrupt:
            # A turn that waits for this answer comes to no next step: Ctrl-C stops it.
            self._is_pausing = True
            raise

    def _no_keys(self) -> contextlib.AbstractContextManager[None]:
        """While this lasts, a question has the keys."""
        return self._keys.paused() if self._keys else contextlib.nullcontext()

    def _show_child(self, event: ChildState) -> None:
        self._children.take(event)
        if sys.stderr.isatty():
            self._printer.status(self._children.all())
        elif self._children.is_worth_a_line(event):
            self._printer.line(self._children.one(event))
        if self._interactive and event.state == "waiting":
            self._printer.line("")
            try:
                with self._no_keys():
                    self._children.answer(event, self._printer.line)
            except KeyboardInterrupt:
                self._is_pausing = True
                raise


def printer_here(*, as_json: bool, shows_thinking: bool) -> "PlainPrinter | TerminalPrinter":
    """The printer for this terminal, file or pipe."""
    if as_json or not can_draw():
        return PlainPrinter(as_json=as_json)
    from .terminal_printer import TerminalPrinter

    return TerminalPrinter(shows_thinking=shows_thinking)
