"""Queries about sessions that were moved to the trash or the archive."""

from typing import Literal

from .command_base import Command

PutAwayFolder = Literal["trash", "archive"]


class ListPutAway(Command, frozen=True, kw_only=True, omit_defaults=True, tag="ListPutAway"):
    """Asks for a page of the sessions in a folder, the last one that was moved there first. `cursor`: the last id of the page before."""

    id: int
    where: PutAwayFolder
    limit: int = 50
    cursor: str = ""


class RestoreSession(Command, frozen=True, kw_only=True, omit_defaults=True, tag="RestoreSession"):
    """Asks for a session with its sub-agents back from the trash or the archive. A resent request finds it in the list already."""

    id: int
    sid: str
