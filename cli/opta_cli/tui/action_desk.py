"""What an action of the terminal may use: the session, words and choices of a person, and a line that says what was done."""

from typing import Any, Protocol

from textual.screen import Screen

from opta_core.settings import LoadedSettings

from .composer import Composer
from .live_session import LiveSession
from .palette_styles import PaletteStyles
from .suggestions import Choice


class ActionDesk(Protocol):
    """The main screen, as actions see it."""

    session: LiveSession
    loaded: LoadedSettings
    row_styles: PaletteStyles
    attachments: list[tuple[str, str]]

    @property
    def composer(self) -> Composer: ...

    def say(self, text: str, *, is_problem: bool = False) -> None: ...

    async def words(self, title: str, value: str = "", hint: str = "") -> str: ...

    async def pick(self, title: str, choices: list[Choice], *, empty: str = "Nothing matches.", recent: list[str] | None = None) -> str: ...

    async def confirm(self, title: str, text: str, yes: str) -> bool: ...

    async def panel(self, screen: "Screen[Any]") -> Any: ...

    async def run_action_of(self, action_id: str) -> None: ...

    def show_question(self) -> None: ...

    def reset(self) -> None: ...

    def apply_settings(self, loaded: LoadedSettings) -> None: ...
