"""Folders to choose from before a session begins."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from opta_core.errors import Unavailable
from opta_protocol.http_folders import FolderList, FolderSuggestions

from ..endpoint import GatewayOf, TypedRouter, flag, text
from ..folder_list import folder_list, suggestions

# A network share may take for ever.
LOOK_S = 10.0
T = TypeVar("T")

routes = TypedRouter()


@routes.get("/v3/folders")
async def list_folders(
    gateway: GatewayOf, path: str = text("path", chars_max=4096), prefix: str = text("prefix", chars_max=255), hidden: bool = flag("hidden")
) -> FolderList:
    """The folders in a folder (default: the home folder) whose names begin with `prefix`; `hidden=1` lists those with a dot, too."""
    return await _looked(path or "the home folder", lambda: folder_list(gateway.loaded.paths, path, prefix, with_hidden=hidden))


@routes.get("/v3/folders/suggested")
async def suggested_folders() -> FolderSuggestions:
    """Git repositories near the home folder, the last changed first."""
    return await _looked("the home folder", suggestions)


async def _looked(what: str, look: Callable[[], T]) -> T:
    try:
        async with asyncio.timeout(LOOK_S):
            return await asyncio.to_thread(look)
    except TimeoutError:
        raise Unavailable(f"Reading {what[:200]} takes longer than {LOOK_S:g} s. Is it on a disk that does not answer?") from None
