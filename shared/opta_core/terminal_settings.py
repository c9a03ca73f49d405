"""Settings of the full-screen terminal."""

from typing import Literal

import msgspec


class TerminalSettings(msgspec.Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """`terminal` of config.toml. Only the user's own file has it; a project cannot set it."""

    # auto: light where the terminal says that its ground is (COLORFGBG), else dark. NO_COLOR comes before it.
    theme: Literal["auto", "dark", "light"] = "auto"
    # Whether the mouse is taken: the wheel scrolls and clicks open. Without it, the terminal marks and copies text as usual.
    mouse: bool = True
