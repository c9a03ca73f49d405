"""Every screen of the full-screen terminal at three widths, dark, light and without colours, compared with tests/cli/screens.

To accept a change that is meant: OPTA_WRITE_SCREENS=1 python -m pytest tests/cli/test_screens.py, and read the difference in git.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support import screen_story as story
from support.piloted import app_of, opened, quiet_home, settled_cells, shows
from support.screen_text import differences, text_of, written
from support.scripted_client import SID, ScriptedClient
from textual.pilot import Pilot

from opta_cli.tui.daemon_screen import DaemonScreen
from opta_cli.tui.detail_screen import DiffScreen
from opta_cli.tui.palette_styles import DARK_STYLES, LIGHT_STYLES, PLAIN_STYLES, PaletteStyles
from opta_cli.tui.triage_screen import TriageScreen

FOLDER = Path(__file__).parent / "screens"
WIDTHS, ROWS = (60, 90, 160), 30
ANSWERS = {
    "GET /v3/commands": story.COMMANDS,
    "GET /v3/models": story.MODELS,
    "GET /v3/sessions": story.SESSIONS,
    f"GET /v3/sessions/{SID}/changes": story.CHANGES,
}
Show = Callable[[Pilot[Any], ScriptedClient], Awaitable[str]]


async def main_screen(pilot: Pilot[Any], client: ScriptedClient) -> str:
    client.add(*story.RUNNING)
    return "keep the old name"


async def question(pilot: Pilot[Any], client: ScriptedClient) -> str:
    client.add(story.REQUEST)
    return "allow once"


async def words(pilot: Pilot[Any], client: ScriptedClient) -> str:
    client.add(*story.QUESTION)
    return "The model asks"


async def key(pilot: Pilot[Any], name: str, expected: str) -> str:
    await pilot.press(name)
    return expected


async def completion(pilot: Pilot[Any], client: ScriptedClient) -> str:
    await pilot.press("/", "r", "e")
    return "/release"


async def detail(pilot: Pilot[Any], client: ScriptedClient) -> str:
    await pilot.press("f3", "k", "k", "enter")
    return "of 3"


async def diff(pilot: Pilot[Any], client: ScriptedClient) -> str:
    pilot.app.push_screen(DiffScreen(f"What s-{SID} changed", story.CHANGES, app_of(pilot).row_styles))
    return "compare_digest(token, known)"


async def daemon(pilot: Pilot[Any], client: ScriptedClient) -> str:
    pilot.app.push_screen(DaemonScreen(app_of(pilot).main.loaded.paths, app_of(pilot).row_styles, lambda paths: story.DAEMON))
    return "84721"


async def triage(pilot: Pilot[Any], client: ScriptedClient) -> str:
    pilot.app.push_screen(TriageScreen(lambda: story.DIAGNOSIS, lambda fix: "done", app_of(pilot).row_styles))
    return "Fix: Restart the tool worker"


async def lost(pilot: Pilot[Any], client: ScriptedClient) -> str:
    app_of(pilot).main.session.report("the connection to the daemon is lost")
    return "⟳ Reconnecting ·"


SCREENS: dict[str, Show] = {
    "main": main_screen,
    "question": question,
    "words": words,
    "sessions": lambda pilot, client: key(pilot, "ctrl+o", "Add pagination"),
    "models": lambda pilot, client: key(pilot, "tab", "glm-4.6"),
    "palette": lambda pilot, client: key(pilot, "ctrl+p", "What to do"),
    "completion": completion,
    "detail": detail,
    "diff": diff,
    "logs": lambda pilot, client: key(pilot, "f8", "worker ended"),
    "daemon": daemon,
    "triage": triage,
    "settings": lambda pilot, client: key(pilot, "f2", "terminal.theme"),
    "help": lambda pilot, client: key(pilot, "f1", "send the message"),
    "lost": lost,
}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with quiet_home(tmp_path, monkeypatch):
        yield


async def painted(name: str, width: int, styles: PaletteStyles) -> list[list[Any]]:
    client = ScriptedClient(story.PAST, ANSWERS)
    app = opened(client, styles)
    async with app.run_test(size=(width, ROWS)) as pilot:
        await shows(pilot, "Fix the test")
        return await settled_cells(pilot, await SCREENS[name](pilot, client))


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", SCREENS)
def test_a_screen_is_as_it_was(name: str, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    dark = asyncio.run(painted(name, width, DARK_STYLES))
    file, text = FOLDER / f"{name}-{width}.txt", written(dark, DARK_STYLES.colours)
    if os.environ.get("OPTA_WRITE_SCREENS"):
        file.write_text(text)
    assert text == file.read_text()
    assert max(map(len, text_of(dark))) <= width
    light = asyncio.run(painted(name, width, LIGHT_STYLES))
    assert differences(dark, light, DARK_STYLES.colours, LIGHT_STYLES.colours) == []
    monkeypatch.setenv("NO_COLOR", "1")
    plain = asyncio.run(painted(name, width, PLAIN_STYLES))
    assert text_of(plain) == text_of(dark)
    assert {(cell.front, cell.ground) for row in plain for cell in row} == {("", "")}


def test_a_terminal_that_is_too_narrow_says_so_and_recovers() -> None:
    async def run() -> None:
        app = opened(ScriptedClient(story.PAST, ANSWERS), DARK_STYLES)
        async with app.run_test(size=(52, ROWS)) as pilot:
            await shows(pilot, "needs 60 columns")
            await pilot.resize_terminal(60, ROWS)
            await shows(pilot, "Fix the test")

    asyncio.run(run())
