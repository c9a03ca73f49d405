"""The full-screen terminal in this process, with a scripted client: keys go in by Textual's pilot, the screen is read."""

import contextlib
import os
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from opta_cli.tui.palette_styles import DARK_STYLES, PaletteStyles
from opta_cli.tui.terminal_app import TerminalApp
from opta_core import settings
from support import screen_story as story
from support.oracles import until_async
from support.screen_text import Cell, cells_of, text_of
from support.scripted_client import CWD, SID, ScriptedClient

# 19 seconds after the events of the story, which count microseconds.
NOW_S = 1767323045.0 + 19
STILL_S = 0.06


@contextlib.contextmanager
def quiet_home(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    """A new home, nothing of this machine's settings, and the zone of the story."""
    for name in [name for name in os.environ if name.startswith("OPTA_") and name not in ("OPTA_WRITE_SCREENS", "OPTA_TEST_SLACK")]:
        monkeypatch.delenv(name)
    (folder / "home").mkdir(mode=0o700)
    monkeypatch.setenv("OPTA_HOME", str(folder / "home"))
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.delenv("COLORFGBG", raising=False)
    time.tzset()
    yield
    monkeypatch.delenv("TZ")
    time.tzset()


def opened(client: ScriptedClient, styles: PaletteStyles = DARK_STYLES, session: str = SID) -> TerminalApp:
    """The program, before it runs."""
    loaded = settings.load()
    loaded.paths.make()
    (loaded.paths.logs / "gateway.log").write_text(story.LOG)
    new = {"cwd": CWD, "mode": "chat", "model": "", "level": "L1"}
    return TerminalApp(client, loaded, new, session, styles, lambda: NOW_S)  # type: ignore[arg-type]


def app_of(pilot: Pilot[Any]) -> TerminalApp:
    """The program that a pilot drives."""
    assert isinstance(pilot.app, TerminalApp)
    return pilot.app


def screen_of(pilot: Pilot[Any]) -> str:
    """What is on the screen."""
    return "\n".join(text_of(cells_of(app_of(pilot))))


async def shows(pilot: Pilot[Any], words: str) -> str:
    """Wait until the screen has these words, and nothing moves; the screen."""
    assert await until_async(lambda: words in screen_of(pilot), 10), f"not on the screen: {words}\n{screen_of(pilot)}"
    return "\n".join(text_of(await settled_cells(pilot, words)))


async def settled_cells(pilot: Pilot[Any], words: str) -> list[list[Cell]]:
    """The screen with these words once nothing moves: it is the same three times, each after all that was waited for."""
    seen: list[list[list[Cell]]] = []
    for _ in range(100):
        await pilot.pause(STILL_S)
        seen.append(cells_of(app_of(pilot)))
        if len(seen) > 2 and seen[-1] == seen[-2] == seen[-3] and words in "\n".join(text_of(seen[-1])):
            return seen[-1]
    raise AssertionError(f"the screen with {words} never rests\n{screen_of(pilot)}")
