"""Modes, levels, risks, and the parts of a permission question and its answer."""

from enum import StrEnum
from typing import Literal

import msgspec


class Mode(StrEnum):
    """chat: conversational, with approval of each step. do: autonomous, with safe tools allowed. plan: only reads, and ends in a plan."""

    chat = "chat"
    do = "do"
    plan = "plan"


class Level(StrEnum):
    """Which calls need approval. L1: every tool call; L2: the default matrix; L3: as L2, but writes in the workspace are allowed."""

    L1 = "L1"
    L2 = "L2"
    L3 = "L3"


class Risk(StrEnum):
    """The effect that a tool can have."""

    read = "read"
    write = "write"
    execute = "execute"
    network = "network"


class SessionPolicy(StrEnum):
    """`unrestricted` (from OPTA_POLICY) allows what would be asked. Hard denies still apply."""

    standard = "standard"
    unrestricted = "unrestricted"


Decision = Literal["allow", "deny"]
Answer = Literal["allow", "deny", "always", "session"]


class Offer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A broader answer that a permission question offers.

    `words`: the exact rules that are stored or apply from then on, one rule each. `folder`: where they apply. A client shows them and
    asks for confirmation.
    """

    id: str
    label: str
    preview: str = ""
    words: list[str] = []
    folder: str = ""


def default_level(mode: Mode) -> Level:
    """The initial level of a mode: L1 for chat, L2 for do and plan."""
    return Level.L1 if mode is Mode.chat else Level.L2
