"""Position and size of the window, kept for each home and fitted to the screens of now."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from opta_core.paths import Paths
from opta_core.records import RecordFile

WIDTH, HEIGHT = 1280, 860
WIDTH_MIN, HEIGHT_MIN = 380, 420
# So much of the window's upper edge must be on a screen, to be seen and to be moved by.
SEEN_WIDTH_MIN, SEEN_HEIGHT_MIN = 120, 40
PIXELS_MAX = 32_000


class Area(NamedTuple):
    """A rectangle in the pixels of the desktop."""

    x: int
    y: int
    width: int
    height: int


class Placement(msgspec.Struct, frozen=True, kw_only=True):
    """Where the window was, when it was not maximised."""

    x: int | None = None
    y: int | None = None
    width: int = WIDTH
    height: int = HEIGHT
    maximised: bool = False


def record(paths: Paths) -> RecordFile[Placement]:
    """The kept placement of a home (0600). A file that is damaged counts as missing."""
    return RecordFile(paths.daemon / "window.json", msgspec.json.Decoder(Placement), Placement)


def fitted(kept: Placement, screens: Sequence[Area]) -> Area:
    """Where the window opens. `screens`: the usable areas, the main one first.

    A window whose screen is gone, or that is larger than its screen, opens in the middle of the main one.
    """
    main = screens[0] if screens else Area(0, 0, WIDTH, HEIGHT)
    if kept.x is not None and kept.y is not None and max(abs(kept.x), abs(kept.y)) <= PIXELS_MAX:
        wanted = Area(kept.x, kept.y, max(WIDTH_MIN, kept.width), max(HEIGHT_MIN, kept.height))
        for screen in screens:
            if _is_reachable(wanted, screen):
                return wanted._replace(width=min(wanted.width, screen.width), height=min(wanted.height, screen.height))
    width, height = (
        _between(least, size, most)
        for least, size, most in (
            (WIDTH_MIN, kept.width, main.width),
            (HEIGHT_MIN, kept.height, main.height),
        )
    )
    return Area(main.x + (main.width - width) // 2, main.y + (main.height - height) // 2, width, height)


def _is_reachable(window: Area, screen: Area) -> bool:
    seen = min(window.x + window.width, screen.x + screen.width) - max(window.x, screen.x)
    return seen >= SEEN_WIDTH_MIN and screen.y <= window.y <= screen.y + screen.height - SEEN_HEIGHT_MIN


def _between(least: int, size: int, most: int) -> int:
    return max(min(least, most), min(size, most))
