"""Completions above the composer: commands behind `/`, files behind `@`. The composer keeps the focus and passes on the keys."""

from typing import Any

from textual.widgets import TextArea

from opta_core.errors import OptaError

from .action_table import slash_choices
from .choice_list import ChoiceList
from .composer import Composer
from .suggestions import SHOWN_MAX, Choice, WantedCompletion, ranked, wanted

FILES_MAX = 20


class ComposerCompletions(ChoiceList):
    """`main`: the main screen, whose composer is completed."""

    can_focus = False

    def __init__(self, main: Any, **options: Any):
        super().__init__(**options)
        self._main = main
        self._wanted: WantedCompletion | None = None
        # What a person has closed is not offered again until it changes.
        self._left = ""

    def on_mount(self) -> None:
        self.display = False

    def look(self) -> None:
        """The message or its cursor has changed."""
        before = text_before(self._main.composer)
        asked = wanted(before)
        if asked is None or before == self._left:
            self.close()
            return
        if asked == self._wanted:
            return
        self._left, self._wanted = "", asked
        if asked.kind == "command":
            self._offer(ranked(slash_choices(self._main.commands), asked.words))
        else:
            self._main.run_worker(self._files(asked), group="files", exclusive=True)

    async def _files(self, asked: WantedCompletion) -> None:
        session = self._main.session
        try:
            found = await session.requests.get("/v3/files", cwd=session.settings["cwd"], q=asked.words, limit=FILES_MAX)
        except OptaError:
            return
        if asked == self._wanted:
            self._offer([Choice(f"@{each['path']}", f"{each['path']}{'/' if each['isFolder'] else ''}") for each in found["files"]])

    def _offer(self, choices: list[Choice]) -> None:
        if not choices:
            self.display = self._main.composer.offers_words = False
            return
        shown = choices[:SHOWN_MAX]
        self.display = self._main.composer.offers_words = True
        self.styles.height = len(shown)
        self.show(shown, has_groups=False)

    def close(self) -> None:
        """Offer nothing."""
        self._wanted = None
        if self.display:
            self.display = self._main.composer.offers_words = False

    def use(self, key: str) -> None:
        """A key that the composer has passed on."""
        match key:
            case "up":
                self.action_cursor_up()
            case "down":
                self.action_cursor_down()
            case "escape":
                self._left = text_before(self._main.composer)
                self.close()
            case _:
                self._take(self._main.composer)

    def _take(self, composer: Composer) -> None:
        chosen, asked = self.chosen, self._wanted
        self.close()
        if chosen is None or asked is None:
            return
        if asked.kind == "file":
            row, column = composer.cursor_location
            composer.replace(f"{chosen.id} ", (row, column - len(asked.words) - 1), (row, column))
        elif chosen.id.startswith("/"):
            # A custom command may take words.
            composer.put(f"{chosen.id} ")
        else:
            composer.clear_draft()
            self._main.action_do(chosen.id)


def text_before(composer: TextArea) -> str:
    """The message up to the cursor."""
    return composer.get_text_range((0, 0), composer.cursor_location)
