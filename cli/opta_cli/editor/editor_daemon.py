"""The daemon as an editor's agent uses it: started when it is needed, asked for sessions, models and changes."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
from acp.schema import SessionInfo

from opta_core.errors import OptaError
from opta_core.settings import Settings
from opta_protocol import wire
from opta_protocol.error_info import ErrorCode

from ..async_client import AsyncClient
from ..client import Client, new_key
from ..model_lookup import of_daemon
from ..session_past import EVENTS_MAX
from ..view import SessionView
from .editor_session import EditorSession
from .session_updates import LiveUpdates, past_updates
from .tool_calls import ShownCalls
from .turn_ending import refused

PAGE, EVENTS_PAGE = 50, 1000
# A list of models is asked for anew after this long.
MODELS_S = 10.0


class EditorDaemon:
    """`connect` returns a client of a daemon that is ready, and starts it if need be; it blocks. `settings`: for the names of models."""

    def __init__(self, connect: Callable[[], Client], settings: Settings):
        self._connect, self._settings = connect, settings
        self._starting = asyncio.Lock()
        self._beginning: asyncio.Task[None] | None = None
        self._models: tuple[float, dict[str, Any]] = (0.0, {})

    def begin(self) -> None:
        """Start the daemon in the background. An error is said to the request that needs it."""
        self._beginning = asyncio.create_task(self._begin(), name="start of the daemon")

    async def client(self) -> AsyncClient:
        """A client of a daemon that is ready. Raises OptaError."""
        async with self._starting:
            return AsyncClient(await asyncio.to_thread(self._connect))

    async def create(self, cwd: str, asked: dict[str, Any]) -> dict[str, Any]:
        """A new session. Raises OptaError."""
        client = await self.client()
        body = {"cwd": cwd, "interactive": True, **asked}
        if name := asked.get("model"):
            body["model"] = await asyncio.to_thread(of_daemon, client.client.another(), self._settings, name)
        return await client.post("/v3/sessions", body)

    async def session(self, session_id: str, cwd: str) -> dict[str, Any]:
        """A session that works in a folder. Raises RequestError when it works in another one, OptaError when there is none."""
        found = await (await self.client()).get(f"/v3/sessions/{quote(session_id, safe='')}")
        if not _is_same_folder(cwd, found["cwd"]):
            raise refused(f"s-{found['id']} works in {found['cwd']}, not in {cwd}. Open that folder in the editor.")
        return found

    async def sessions(self, cwd: str, cursor: str) -> tuple[list[SessionInfo], str]:
        """(a page of sessions, those of `cwd` if it is given, where the next page begins)."""
        client, found = await self.client(), list[SessionInfo]()
        while True:
            page = await client.get("/v3/sessions", limit=PAGE, archived="0", **({"cursor": cursor} if cursor else {}))
            found += [_info(each) for each in page["sessions"] if not cwd or _is_same_folder(cwd, each["cwd"])]
            cursor = page["nextCursor"] or ""
            if not cursor or len(found) >= PAGE:
                return found, cursor

    async def fork(self, session_id: str) -> dict[str, Any]:
        """A new session with the history of another one. Raises OptaError."""
        return (await (await self.client()).post(f"/v3/sessions/{session_id}/fork", {}, new_key()))["session"]

    async def delete(self, session_id: str) -> None:
        """Move a session to the trash; one that does not exist is deleted already. Raises OptaError."""
        try:
            await (await self.client()).ask("DELETE", f"/v3/sessions/{quote(session_id, safe='')}")
        except OptaError as error:
            if error.code != ErrorCode.not_found:
                raise

    async def change(self, session_id: str, change: dict[str, Any]) -> dict[str, Any]:
        """Change properties of a session; the session as it is then. Raises OptaError."""
        return await (await self.client()).ask("PATCH", f"/v3/sessions/{session_id}", change)

    async def models(self) -> dict[str, Any]:
        """The models of all providers, not older than some seconds. Raises OptaError."""
        now = asyncio.get_running_loop().time()
        if not self._models[1] or now - self._models[0] > MODELS_S:
            self._models = now, await (await self.client()).get("/v3/models")
        return self._models[1]

    async def open(
        self, session: dict[str, Any], connection: Any, remarks: list[str], *, has_terminals: bool, shows_past: bool
    ) -> EditorSession:
        """A session in the editor. With `shows_past`, its history has been sent when this returns. Raises OptaError."""
        client = await self.client()
        view, calls = SessionView(), ShownCalls(session["cwd"], has_terminals=has_terminals)
        last = int(session["lastSeq"])
        view.seq = 0 if shows_past else max(0, last - EVENTS_MAX)
        past = past_updates(await _events(client, session["id"], view.seq, last), view, calls)
        view.seq = last
        for update in past if shows_past else []:
            await connection.session_update(session_id=session["id"], update=update)
        return EditorSession(client, connection, session, LiveUpdates(view, calls), remarks, self.models)

    async def _begin(self) -> None:
        try:
            await self.client()
        except OptaError:
            # The first request that needs the daemon tries again, and says why it does not start.
            return


async def _events(client: AsyncClient, sid: str, after: int, last: int) -> list[Any]:
    """The stored events of a session after seq `after`, up to seq `last`."""
    found: list[Any] = []
    while after < last:
        page = (await client.get(f"/v3/sessions/{sid}/events", afterSeq=after, limit=EVENTS_PAGE))["events"]
        if not page:
            break
        found += [wire.decode(msgspec.json.encode(line)) for line in page]
        after = found[-1].seq
    return [event for event in found if event.seq <= last]


def _is_same_folder(one: str, other: str) -> bool:
    return one == other or Path(one).resolve() == Path(other).resolve()


def _info(session: dict[str, Any]) -> SessionInfo:
    return SessionInfo(session_id=session["id"], cwd=session["cwd"], title=session["title"] or None, updated_at=session["lastActivityAt"])
