"""Completion of `@path` in a message: the files and folders of a workspace that a person may mean by what is typed so far.

Left out is what git ignores and what Opta does not read by itself: files that may hold credentials, and in a whole home the files of
programs. A listing is kept for some seconds, so that the keys of one word list a large repository once; an older one is still used while
the next is made, so that no key waits for it.
"""

import asyncio
import heapq
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

from opta_core.policy.actions import is_secret
from opta_protocol.path_commands import FindPaths, PathsFound

from ..files.workspace import PathProblem, Workspace
from ..threads import in_thread
from . import ripgrep, search

LISTING_S = 3.0
# An older listing is made again; one that is older still is not used meanwhile.
FRESH_S, USED_S = 5.0, 120.0
KEPT_MAX = 8
PATHS_MAX, QUERY_CHARS_MAX, SECRETS_MAX = 200, 400, 100


@dataclass(frozen=True)
class Listing:
    """The paths of a workspace in their order, folders with a slash behind; and each as it is compared."""

    paths: list[str]
    folded: list[str]
    is_whole: bool


@dataclass
class _Kept:
    """The last listing of a folder, and the one that is being made; times of `time.monotonic`."""

    made: float = 0.0
    listing: Listing | None = None
    task: asyncio.Task[Listing] | None = None


class PathCompletion:
    """Owns the listings of the last folders."""

    def __init__(self) -> None:
        # (folder, identity) -> its listing
        self._kept: OrderedDict[tuple[str, str], _Kept] = OrderedDict()

    async def find(self, asked: FindPaths) -> PathsFound:
        """The paths that are meant, the likeliest first."""
        try:
            listing = await self._listing(asked.cwd, asked.folder)
        except PathProblem as problem:
            return PathsFound(id=asked.id, problem=str(problem))
        limit = min(max(asked.limit, 1), PATHS_MAX)
        found = await asyncio.to_thread(best, listing, asked.q[:QUERY_CHARS_MAX], limit)
        return PathsFound(id=asked.id, paths=found, isWhole=listing.is_whole)

    async def close(self) -> None:
        """Wait until listings that are being made have ended, which takes three seconds at most: a process is not left in the middle."""
        if running := [kept.task for kept in self._kept.values() if kept.task is not None]:
            await asyncio.wait(running, timeout=2 * LISTING_S)

    async def _listing(self, cwd: str, identity: str) -> Listing:
        kept = self._kept.setdefault((cwd, identity), _Kept())
        self._kept.move_to_end((cwd, identity))
        # One whose listing is being made stays until that has ended.
        for oldest in [each for each, other in self._kept.items() if other.task is None][: max(0, len(self._kept) - KEPT_MAX)]:
            del self._kept[oldest]
        age_s = time.monotonic() - kept.made
        if kept.listing is not None and age_s <= FRESH_S:
            return kept.listing
        if kept.task is None:
            kept.task = asyncio.create_task(_listed(cwd, identity), name="list paths")
            kept.task.add_done_callback(lambda task: _keep(kept, task))
        if kept.listing is not None and age_s <= USED_S:
            return kept.listing
        return await asyncio.shield(kept.task)


def _keep(kept: _Kept, task: asyncio.Task[Listing]) -> None:
    # A folder that cannot be listed any more has no listing either: the next key says why.
    failed = task.cancelled() or task.exception() is not None
    kept.task, kept.listing, kept.made = None, None if failed else task.result(), time.monotonic()


async def _listed(cwd: str, identity: str) -> Listing:
    with closing(await asyncio.to_thread(Workspace, cwd, identity)) as workspace:
        if ripgrep.program() is not None:
            files, is_whole = await ripgrep.names(workspace, LISTING_S)
        else:
            files, is_whole = await in_thread(search.names, workspace, LISTING_S)
        return await in_thread(_with_folders, files, is_whole=is_whole)


def _with_folders(files: list[str], *, is_whole: bool) -> Listing:
    """What is not UTF-8 has no name that a message could hold."""
    folders: set[str] = set()
    shown = [path for path in files if path.isprintable()]
    for path in shown:
        head = path.rpartition("/")[0]
        while head and f"{head}/" not in folders:
            folders.add(f"{head}/")
            head = head.rpartition("/")[0]
    paths = sorted([*folders, *shown])
    return Listing(paths, [path.casefold() for path in paths], is_whole)


def best(listing: Listing, q: str, limit: int) -> list[str]:
    """At most `limit` paths that match `q`: parts of the path before letters in their order; of equals the ones nearest to the top."""
    sought = q.casefold().removeprefix("./").lstrip("/")
    # Names of credentials are few, and looking at every name takes longer than all the rest.
    most = limit + SECRETS_MAX
    found = [place for *_, place in heapq.nsmallest(most, _ranked(listing, sought))]
    if len(found) < limit and len(sought) > 1:
        found += [place for *_, place in heapq.nsmallest(most - len(found), _scattered(listing, sought, set(found)))]
    return [path for path in (listing.paths[place] for place in found) if not is_secret(path)][:limit]


def _ranked(listing: Listing, sought: str) -> Iterator[tuple[int, int, int, int]]:
    for place, path in enumerate(listing.folded):
        if sought not in path:
            continue
        bare = path.rstrip("/")
        name = bare[bare.rfind("/") + 1 :]
        if path == sought and sought.endswith("/"):
            # What is in a folder goes before the folder, which is typed already.
            rank = 4
        elif bare == sought:
            rank = 0
        elif name.startswith(sought) or ("/" in sought and path.startswith(sought)):
            rank = 1
        else:
            rank = 2 if sought in name else 3
        # Of nothing typed, the names of the top in their order.
        yield rank, bare.count("/"), len(bare) if sought else 0, place


def _scattered(listing: Listing, sought: str, without: set[int]) -> Iterator[tuple[int, int, int]]:
    """Paths that hold the characters in their order, with others between them."""
    for place, path in enumerate(listing.folded):
        if place in without:
            continue
        at = -1
        for character in sought:
            at = path.find(character, at + 1)
            if at < 0:
                break
        else:
            yield path.count("/"), len(path), place
