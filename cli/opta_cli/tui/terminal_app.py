"""The full-screen terminal as a program: its themes, its main screen, and how it ends. Wiring only."""

import gc
import os
from collections.abc import Callable
from typing import Any

from textual.app import App
from textual.strip import Strip
from textual.theme import Theme

from opta_core.clock import now_s
from opta_core.settings import LoadedSettings

from ..client import Client
from .main_screen import MainScreen, SettingsChanged
from .palette_styles import BY_NAME, DARK_STYLES, LIGHT_STYLES, PLAIN_STYLES, PaletteStyles


class TerminalApp(App[int]):
    """`settings`: folder, mode, model and level of a new session. `session`: the one to show; '' for a new one."""

    TITLE = "Opta"
    CSS_PATH = "terminal.tcss"
    ENABLE_COMMAND_PALETTE = False

    def __init__(
        self,
        client: Client,
        loaded: LoadedSettings,
        settings: dict[str, str],
        session: str = "",
        styles: PaletteStyles | None = None,
        now: Callable[[], float] = now_s,
    ):
        self.row_styles = styles or styles_for(loaded.settings.terminal.theme, dict(os.environ))
        # Without colours nothing but the terminal's are used, and of those none.
        super().__init__(ansi_color=None if self.row_styles.colours else True)
        for each in (DARK_STYLES, LIGHT_STYLES):
            self.register_theme(theme_of(each))
        self.main = MainScreen(client, loaded, settings, self.row_styles, session, now)
        self.wear(self.row_styles)

    def wear(self, styles: PaletteStyles) -> None:
        """Use a palette."""
        self.row_styles = styles
        self.theme = styles.name if styles.colours else DARK_STYLES.name

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """The variables of the style sheet, which themes of Textual do not have."""
        return theme_of(DARK_STYLES).variables

    async def on_mount(self) -> None:
        await self.push_screen(self.main, self._ended)

    def painted(self) -> list[Strip]:
        """What the terminal shows, row by row."""
        return self.screen._compositor.render_strips()

    def _ended(self, code: int | None) -> None:
        self.main.session.close()
        self.exit(code or 0)

    def on_settings_changed(self, event: SettingsChanged) -> None:
        self.wear(styles_for(event.loaded.settings.terminal.theme, dict(os.environ)))
        self.main.redraw(self.row_styles)


def theme_of(styles: PaletteStyles) -> Theme:
    """The colours of a palette as a theme of Textual: every token is a variable of the style sheet."""
    of = styles.colours
    return Theme(
        name=styles.name,
        primary=of["violet"],
        secondary=of["cyan"],
        accent=of["cyan"],
        foreground=of["text"],
        background=of["canvas"],
        surface=of["surface"],
        panel=of["overlay"],
        boost=of["raised"],
        warning=of["warn"],
        error=of["err"],
        success=of["ok"],
        dark=styles is DARK_STYLES,
        variables={f"opta-{name}": colour for name, colour in of.items()},
    )


def styles_for(wanted: str, environment: dict[str, str]) -> PaletteStyles:
    """The palette of `terminal.theme`: dark, light, or by what the terminal says of its ground. NO_COLOR comes first."""
    if environment.get("NO_COLOR"):
        return PLAIN_STYLES
    if wanted != "auto":
        return BY_NAME[f"opta-{wanted}"]
    ground = environment.get("COLORFGBG", "").rpartition(";")[2]
    return LIGHT_STYLES if ground in ("7", "15") else DARK_STYLES


def run(client: Client, loaded: LoadedSettings, settings: dict[str, Any], session: str) -> int:
    """Show the terminal until a person leaves it. Returns the exit code."""
    app = TerminalApp(client, loaded, settings, session)
    # A full collection visits every object of the imports, and held a key for a tenth of a second. They stay alive anyway.
    gc.set_threshold(5_000, 20, 50)
    gc.freeze()
    code = app.run(mouse=loaded.settings.terminal.mouse)
    return code if code is not None else app.return_code or 0
