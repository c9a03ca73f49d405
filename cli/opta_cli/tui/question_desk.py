"""Opens the card of an open question, and closes it when it was answered elsewhere.

A card opens by itself only when nobody is writing: keys of a message must not fall into it. Otherwise the live region says that
something is asked. A question that a person left for later does not open by itself again.
"""

from typing import Any

from opta_core.errors import OptaError

from .open_question import OpenAsk, answered_by
from .question_screen import QuestionScreen
from .words_screen import WordsScreen


class QuestionDesk:
    """`main`: the main screen."""

    def __init__(self, main: Any):
        self._main = main
        self._left: set[str] = set()
        self._opening = ""
        self._card: QuestionScreen | WordsScreen | None = None

    def follow(self) -> None:
        """Something has happened in the session."""
        asked = self._main.session.asked
        if self._card is not None:
            if self._card.asked.key not in {each.key for each in asked}:
                self._close(self._card)
            return
        fresh = [each for each in asked if each.key not in self._left]
        if fresh and not self._opening and self._main.is_current and not self._main.composer.text:
            self._open(fresh[0])

    def show(self) -> None:
        """Show the oldest open question, because a person wants to see it."""
        asked = self._main.session.asked
        if asked and self._card is None and not self._opening:
            self._open(asked[0])

    def _open(self, asked: OpenAsk) -> None:
        self._opening = asked.key
        self._main.run_worker(self._ask(asked), group="question")

    async def _ask(self, asked: OpenAsk) -> None:
        main = self._main
        # Whatever becomes of it, it does not open by itself again.
        self._left.add(asked.key)
        try:
            whole = await main.session.of_child(asked)
            number = f"1 of {len(main.session.asked)}" if len(main.session.asked) > 1 else ""
            if whole.permission is not None:
                self._card = QuestionScreen(whole, main.session.settings["cwd"], main.row_styles, number)
            elif whole.question is not None:
                self._card = WordsScreen(whole, main.row_styles)
            else:
                return
            answer = await main.app.push_screen_wait(self._card)
            # It is closed: the event of its answer must not close it again.
            self._card = None
            if answer is not None:
                await main.session.answer(whole, answer)
        except OptaError as error:
            main.say(error.message, is_problem=True)
        finally:
            self._card, self._opening = None, ""
        self.follow()

    def _close(self, card: QuestionScreen | WordsScreen) -> None:
        """It cannot be answered any more; say who did."""
        found = self._main.session.call(card.asked.call)
        said = answered_by(found[1]) if found is not None and not card.asked.title else ""
        self._main.say(said or "The question was answered, or its turn has ended.")
        self._card = None
        card.dismiss(None)
