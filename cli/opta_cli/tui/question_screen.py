"""The card of a permission question. Keys act only here, and only those of a person who has seen the whole question.

It closes by itself when another client answers first.
"""

from typing import Any, ClassVar

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.timer import Timer
from textual.widgets import Input, Static

from opta_protocol.permissions import Offer
from opta_protocol.tools.declared import tool_of

from ..plain_text import plain_line
from ..question import OFFERS, ONCE, card_for, problem_of
from .key_guard import ALONE_S, KeyGuard, clock
from .open_question import OpenAsk
from .palette_styles import PaletteStyles
from .question_rows import answers_of, rows_of_request, scope_rows
from .row_view import RowView
from .words_input import WordsInput

SCROLLS = {"up": -1, "down": 1, "pageup": -10, "pagedown": 10}
_NOT_ALONE = "That was held down, pasted or typed ahead, so it does not count. Press the key once."
_NOT_SEEN = "There is more below. Scroll to its end before you allow it (End)."
_TOO_EARLY = "Keys count once half a second has passed without any."


class QuestionScreen(ModalScreen[dict[str, Any] | None]):
    """Dismisses with the body of the answer, or None: the question stays open, or was closed from elsewhere."""

    AUTO_FOCUS: ClassVar[str | None] = "#content"

    def __init__(self, asked: OpenAsk, workspace: str, styles: PaletteStyles, number: str = ""):
        super().__init__()
        assert asked.permission is not None
        self.asked, self._request, self._row_styles, self._number = asked, asked.permission, styles, number
        self._card = card_for(self._request, workspace)
        self._problem = problem_of(self._card, self._request)
        self._offers = answers_of(self._request, self._problem)
        self._guard = KeyGuard()
        self._pending: Timer | None = None
        self._is_refused = False
        # The broader answer that is being confirmed.
        self._confirming: Offer | None = None

    def compose(self) -> ComposeResult:
        tool = tool_of(self._request.name, self._request.server)
        with Vertical(classes="card question"):
            title = f"◆ {plain_line(self._card.question)}"
            if self.asked.title:
                title += f"  Sub-agent “{plain_line(self.asked.title)}” asks."
            yield Static(Text(f"{title}{f'  {self._number}' if self._number else ''}"), classes="card-title warn", id="title")
            yield RowView(self._rows, spare=7 + len(self._offers), id="content")
            yield Static(Text(""), classes="card-notice", id="notice")
            yield Static(self._answers(), classes="card-answers", id="answers")
            yield WordsInput(placeholder=f"Why {tool.label.lower()} is denied; the model reads it. Enter denies, Esc goes back", id="note")

    def on_mount(self) -> None:
        self.query_one("#note").display = False
        self.call_after_refresh(lambda: self._guard.begin(clock()))

    def _rows(self, width: int) -> list[Any]:
        if self._confirming is not None:
            return list(scope_rows(self._confirming, width, self._row_styles))
        return list(rows_of_request(self._card, self._request, width, self._row_styles))

    def _answers(self) -> Text:
        styles = self._row_styles
        key = styles.style("cyan", bold=True)
        if self._confirming is not None:
            what = "write this rule" if OFFERS[self._confirming.id][1] == "always" else "allow this in the session"
            return Text.assemble(("y", key), f" {what}   ", ("n", key), " go back")
        row = Text()
        if not self._problem:
            row.append_text(Text.assemble(("y", key), " allow once   "))
        row.append_text(Text.assemble(("n", key), " deny   ", ("d", key), " deny and say why   ", ("Esc", key), " later"))
        for letter, offer in self._offers.items():
            row.append_text(Text.assemble("\n", (letter, key), f" {plain_line(offer.label)}{'' if offer.id in ONCE else ' …'}"))
        return row

    # keys -------------------------------------------------------------------------------------------

    def on_key(self, event: events.Key) -> None:
        if self.query_one("#note").display:
            if event.key == "escape":
                event.stop()
                self._show_note(is_shown=False)
            return
        event.stop()
        content = self.query_one(RowView)
        if event.key in SCROLLS:
            content.scroll_to(y=content.scroll_offset.y + SCROLLS[event.key], animate=False, immediate=True)
        elif event.key == "home":
            content.scroll_home(animate=False, immediate=True)
        elif event.key == "end":
            content.scroll_end(animate=False, immediate=True)
        elif self._pending is not None:
            self._refuse(_NOT_ALONE)
        elif not self._guard.take(event.time):
            if not self._is_refused:
                self._say(_TOO_EARLY)
        elif event.key in self._keys():
            self._is_refused = False
            self._pending = self.set_timer(ALONE_S, lambda: self._decide(event.key))

    def on_paste(self, event: events.Paste) -> None:
        event.stop()
        if not self.query_one("#note").display:
            self._refuse("A pasted text is no answer. Press the key.")

    def _keys(self) -> set[str]:
        if self._confirming is not None:
            return {"y", "n", "escape"}
        return {"n", "d", "escape", *([] if self._problem else ["y", *self._offers])}

    def _refuse(self, why: str) -> None:
        if self._pending is not None:
            self._pending.stop()
            self._pending = None
        self._guard.begin(clock())
        self._is_refused = True
        self._say(why)

    def _say(self, text: str) -> None:
        self.query_one("#notice", Static).update(Text(text, self._row_styles.style("warn")))

    def _decide(self, key: str) -> None:
        self._pending = None
        if self._confirming is not None:
            self._confirm(self._confirming, is_meant=key == "y")
        elif key == "escape":
            self.dismiss(None)
        elif key == "n":
            self.dismiss({"decision": "deny"})
        elif key == "d":
            self._show_note(is_shown=True)
        elif not self.query_one(RowView).was_seen:
            self._refuse(_NOT_SEEN)
        elif key == "y":
            self.dismiss({"decision": "allow"})
        elif self._offers[key].id in ONCE:
            self.dismiss({"decision": OFFERS[self._offers[key].id][1], "offer": self._offers[key].id})
        else:
            self._ask_again(self._offers[key])

    def _ask_again(self, offer: Offer | None) -> None:
        """Show the exact rules of a broader answer, or the question again."""
        self._confirming = offer
        self.query_one(RowView).put(self._rows)
        self.query_one("#answers", Static).update(self._answers())
        self._guard.begin(clock())
        self._say("")

    def _confirm(self, offer: Offer, *, is_meant: bool) -> None:
        if not is_meant:
            self._ask_again(None)
        elif not self.query_one(RowView).was_seen:
            self._refuse(_NOT_SEEN)
        else:
            self.dismiss({"decision": OFFERS[offer.id][1], "offer": offer.id})

    def _show_note(self, *, is_shown: bool) -> None:
        note = self.query_one("#note", Input)
        note.display = is_shown
        if is_shown:
            note.focus()
        else:
            self.query_one(RowView).focus()
            self._guard.begin(clock())

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.dismiss({"decision": "deny", "note": event.value.strip()})
