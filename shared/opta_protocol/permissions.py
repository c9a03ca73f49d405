"""Modes, levels, risks and what a permission question and its answer are made of."""

from enum import StrEnum
from typing import Literal

import msgspec


class Mode(StrEnum):
    """chat: conversational, approval step by step; do: autonomous, safe tools automatic."""

    chat = "chat"
    do = "do"


class Level(StrEnum):
    """How much is asked: L1 every tool call, L2 the default matrix, L3 workspace writes run too."""

    L1 = "L1"
    L2 = "L2"
    L3 = "L3"


class Risk(StrEnum):
    """What a tool can do to the world."""

    read = "read"
    write = "write"
    execute = "execute"
    network = "network"


class SessionPolicy(StrEnum):
    """`unrestricted` (from OPTA_POLICY) turns questions into permission; hard denies stay."""

    standard = "standard"
    unrestricted = "unrestricted"


Decision = Literal["allow", "deny"]
Answer = Literal["allow", "deny", "always", "session"]


class Offer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A wider answer that a permission question offers.

    `words`: exactly what is written down or holds from then on, one rule each; `folder`: where. A client shows them and asks once more.
    """

    id: str
    label: str
    preview: str = ""
    words: list[str] = []
    folder: str = ""


def default_level(mode: Mode) -> Level:
    """Chat starts at L1, do at L2."""
    return Level.L1 if mode is Mode.chat else Level.L2
