"""The files of a folder that `@path` in a message may name."""

import asyncio

from opta_core.errors import Refused
from opta_core.policy.actions import normalise
from opta_core.policy.layers import Layers, Sources
from opta_core.policy.verdict import Situation, judge
from opta_core.settings import environment
from opta_protocol.error_info import ErrorCode
from opta_protocol.http_lists import FileMatch, FileMatches
from opta_protocol.permissions import Level
from opta_protocol.tools.file_access import LIST_DIR, READ_FILE

from ..endpoint import GatewayOf, TypedRouter, folder, number, text

LIMIT, LIMIT_MAX = 20, 100
# So many more are asked for, because rules may leave some out.
SPARE = 20

routes = TypedRouter()


@routes.get("/v3/files")
async def find_files(
    gateway: GatewayOf, cwd: str = folder(), q: str = text("q", chars_max=400), limit: int = number("limit", LIMIT, LIMIT_MAX)
) -> FileMatches:
    """Files and folders of a folder (`?cwd=`) whose path matches `q`, without what git ignores and what a message cannot add."""
    found = await gateway.worker.paths(cwd, q, max(1, limit) + SPARE)
    if found.problem:
        raise Refused(f"The files of {cwd} cannot be listed: {found.problem}.", code=ErrorCode.not_found)
    layers = await asyncio.to_thread(Sources(gateway.loaded.paths).layers, cwd)
    readable = await asyncio.to_thread(_readable, found.paths, cwd, layers, max(1, limit))
    return FileMatches(files=readable, isWhole=found.isWhole)


def _readable(paths: list[str], cwd: str, layers: Layers, limit: int) -> list[FileMatch]:
    """The first of these paths that the rules let a message read without a question."""
    situation = Situation(level=Level.L2, layers=layers)
    search_path = environment().get("PATH", "")
    matches: list[FileMatch] = []
    for path in paths:
        is_folder, bare = path.endswith("/"), path.removesuffix("/")
        asked = normalise(LIST_DIR if is_folder else READ_FILE, {"path": bare}, cwd, path=search_path)
        if judge(asked, situation).effect == "allow":
            matches.append(FileMatch(path=bare, isFolder=is_folder))
        if len(matches) == limit:
            break
    return matches
