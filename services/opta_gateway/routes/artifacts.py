"""Files that belong to a session: long results, screenshots, pictures that MCP servers sent, and what was attached to its turns."""

import asyncio
import os
import re
from pathlib import Path

from fastapi.responses import Response

from opta_core import attachments
from opta_core.errors import Refused
from opta_protocol.error_info import ErrorCode

from ..endpoint import GatewayOf, TypedRouter

BYTES_MAX = 64 * 1024 * 1024
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,100}\Z")
_TYPES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".txt": "text/plain; charset=utf-8",
}

routes = TypedRouter()


@routes.get("/v3/sessions/{name}/artifacts/{file}", responses={200: {"content": {"image/png": {}, "text/plain": {}}}})
async def get_artifact(gateway: GatewayOf, name: str, file: str) -> Response:
    """A long result, a screenshot or a picture that a tool result of this session names, or a file that was attached to one of its turns."""
    session = await gateway.store.session(name)
    kind = attachments.media_type(file) if attachments.is_name(file) else _TYPES.get(Path(file).suffix)
    if kind is None or not _NAME.match(file):
        raise Refused(f"There is no artifact {file[:40]!r}.", code=ErrorCode.not_found)
    transcript = await gateway.store.transcript(session.id)
    calls = [call for turn in transcript.turns for step in turn.steps for call in step.calls]
    paths = gateway.loaded.paths
    if any(call.spill == file or (file.startswith(f"{call.id}-") and file in call.content) for call in calls):
        path = paths.daemon / "spills" / session.id / file
    elif any(call.name == "browser_screenshot" and file in call.content for call in calls):
        path = paths.home / "browser-snapshots" / file
    elif any(file in turn.attachments for turn in transcript.turns):
        path = paths.attachments / file
    else:
        raise Refused(f"There is no artifact {file[:40]!r} in s-{session.id}.", code=ErrorCode.not_found)
    content = await asyncio.to_thread(_read, path)
    return Response(content, media_type=kind, headers={"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"})


def _read(path: Path) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | os.O_CLOEXEC)
    except OSError as error:
        raise Refused(f"{path.name} is not kept any more.", code=ErrorCode.not_found) from error
    with os.fdopen(descriptor, "rb") as handle:
        return handle.read(BYTES_MAX)
