"""The agent of the Agent Client Protocol: its methods, each carried out by the daemon. Wiring only."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from acp import PROTOCOL_VERSION, RequestError
from acp.schema import (
    AgentCapabilities,
    AuthenticateResponse,
    ClientCapabilities,
    CloseSessionResponse,
    DeleteSessionResponse,
    ForkSessionResponse,
    Implementation,
    InitializeResponse,
    ListSessionsResponse,
    LoadSessionResponse,
    NewSessionResponse,
    PromptCapabilities,
    PromptResponse,
    ResumeSessionResponse,
    SessionCapabilities,
    SessionCloseCapabilities,
    SessionDeleteCapabilities,
    SessionForkCapabilities,
    SessionListCapabilities,
    SessionResumeCapabilities,
    SetSessionConfigOptionResponse,
    SetSessionModeResponse,
)

from opta_core.errors import OptaError
from opta_core.version import VERSION

from . import session_options
from .editor_daemon import EditorDaemon
from .editor_session import EditorSession
from .turn_ending import refused, request_error

# Requests about a session that the editor names.
_NAMING = ("session/load", "session/resume", "session/prompt")


class EditorAgent:
    """`asked`: the fields of new sessions that the command line names (mode, level, model)."""

    def __init__(self, daemon: EditorDaemon, asked: dict[str, Any]):
        self._daemon, self._asked = daemon, asked
        self._connection: Any = None
        self._sessions: dict[str, EditorSession] = {}
        self._has_terminals = False
        self._tasks: set[asyncio.Task[None]] = set()
        # Requests without an answer yet: id -> the session that they name.
        self._named: dict[Any, str] = {}

    def on_connect(self, conn: Any) -> None:
        """The connection to the editor exists."""
        self._connection = conn

    async def initialize(
        self, protocol_version: int, client_capabilities: ClientCapabilities | None = None, client_info: Any = None, **_: Any
    ) -> InitializeResponse:
        """Say what Opta can do. The daemon is started meanwhile."""
        meta = (client_capabilities.field_meta if client_capabilities else None) or {}
        self._has_terminals = meta.get("terminal_output") is True
        self._daemon.begin()
        sessions = SessionCapabilities(
            close=SessionCloseCapabilities(),
            delete=SessionDeleteCapabilities(),
            fork=SessionForkCapabilities(),
            list=SessionListCapabilities(),
            resume=SessionResumeCapabilities(),
        )
        return InitializeResponse(
            protocol_version=PROTOCOL_VERSION,
            agent_info=Implementation(name="opta", title="Opta", version=VERSION),
            agent_capabilities=AgentCapabilities(
                load_session=True,
                prompt_capabilities=PromptCapabilities(image=True, embedded_context=True, audio=False),
                session_capabilities=sessions,
            ),
            auth_methods=[],
        )

    async def authenticate(self, method_id: str, **_: Any) -> AuthenticateResponse:
        """There is nothing to sign in to."""
        raise refused("Opta needs no sign-in. Keys of providers: opta account add PROVIDER")

    async def new_session(self, cwd: str, mcp_servers: Any = None, additional_directories: Any = None, **_: Any) -> NewSessionResponse:
        """A new session in a folder."""
        async with _answering():
            made = await self._daemon.create(cwd, self._asked)
            opened = await self._opened(made, _remarks(mcp_servers, additional_directories))
            return NewSessionResponse(session_id=opened.sid, **await self._choices(opened))

    async def load_session(
        self, cwd: str, session_id: str, mcp_servers: Any = None, additional_directories: Any = None, **_: Any
    ) -> LoadSessionResponse:
        """A session that exists: its whole history comes as updates before the response, each passage and each call once."""
        async with _answering():
            session = await self._daemon.session(session_id, cwd)
            opened = await self._opened(session, _remarks(mcp_servers, additional_directories), shows_past=True)
            return LoadSessionResponse(**await self._choices(opened))

    async def resume_session(
        self, cwd: str, session_id: str, mcp_servers: Any = None, additional_directories: Any = None, **_: Any
    ) -> ResumeSessionResponse:
        """A session that exists, whose history the editor has."""
        async with _answering():
            session = await self._daemon.session(session_id, cwd)
            opened = await self._opened(session, _remarks(mcp_servers, additional_directories))
            return ResumeSessionResponse(**await self._choices(opened))

    async def fork_session(
        self, cwd: str, session_id: str, mcp_servers: Any = None, additional_directories: Any = None, **_: Any
    ) -> ForkSessionResponse:
        """A new session with the history of another one, up to its last turn that has ended."""
        async with _answering():
            session = await self._daemon.session(session_id, cwd)
            made = await self._daemon.fork(session["id"])
            opened = await self._opened(made, _remarks(mcp_servers, additional_directories))
            return ForkSessionResponse(session_id=opened.sid, **await self._choices(opened))

    async def list_sessions(self, cwd: str | None = None, cursor: str | None = None, **_: Any) -> ListSessionsResponse:
        """The sessions of a folder, or all, last active first."""
        async with _answering():
            found, following = await self._daemon.sessions(cwd or "", cursor or "")
            return ListSessionsResponse(sessions=found, next_cursor=following or None)

    async def close_session(self, session_id: str, **_: Any) -> CloseSessionResponse:
        """End what this editor's prompts do in a session, and show it no more. The session stays."""
        opened = self._sessions.pop(session_id, None)
        if opened is not None:
            async with _answering():
                if opened.is_busy:
                    await opened.stop()
                    await opened.settle()
            await opened.close()
        return CloseSessionResponse()

    async def delete_session(self, session_id: str, **_: Any) -> DeleteSessionResponse:
        """Move a session to the trash; `opta sessions restore` brings it back."""
        await self.close_session(session_id)
        async with _answering():
            await self._daemon.delete(session_id)
        return DeleteSessionResponse()

    async def set_session_mode(self, mode_id: str, session_id: str, **_: Any) -> SetSessionModeResponse:
        """Set the mode of later prompts."""
        await self.set_config_option(session_options.MODE, session_id, mode_id)
        return SetSessionModeResponse()

    async def set_config_option(self, config_id: str, session_id: str, value: str | bool, **_: Any) -> SetSessionConfigOptionResponse:
        """Set the mode, the model or the level of later prompts."""
        async with _answering():
            opened, models = self._open(session_id), await self._daemon.models()
            change = session_options.change_of(opened.session, config_id, value, models)
            opened.session = await self._daemon.change(session_id, change)
            options: Any = session_options.options_of(opened.session, models)
            return SetSessionConfigOptionResponse(config_options=options)

    async def prompt(self, prompt: list[Any], session_id: str, **_: Any) -> PromptResponse:
        """Answer a prompt. The response says how its turn ended; everything else comes as updates before it."""
        opened = self._open(session_id)
        async with _answering():
            return await opened.prompt(prompt)

    async def cancel(self, session_id: str, **_: Any) -> None:
        """Stop what a prompt does; its response says so."""
        opened = self._sessions.get(session_id)
        if opened is not None:
            async with _answering():
                await opened.stop()

    async def cancel_request(self, request_id: Any) -> None:
        """A request is not wanted any more: what it does stops, and its response says so."""
        await self.cancel(self._named.get(str(request_id), ""))

    async def ext_method(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """Methods beside the protocol: none."""
        raise RequestError.method_not_found(f"_{method}")

    async def ext_notification(self, method: str, params: dict[str, Any]) -> None:
        """Notifications beside the protocol mean nothing here."""

    def observe(self, event: Any) -> None:
        """A message has come or left. Behind the response that opens a session, the editor gets what belongs to it: before, it knows none."""
        message = event.message
        if event.direction.value == "incoming":
            if message.get("method") in _NAMING and isinstance(message.get("params"), dict):
                self._named[str(message.get("id"))] = str(message["params"].get("sessionId", ""))
            return
        named = self._named.pop(str(message.get("id")), "") if "method" not in message else ""
        result: Any = message.get("result")
        opened = self._sessions.get(str(result.get("sessionId", named))) if isinstance(result, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
        if opened is not None and opened.begins():
            task = asyncio.create_task(_guarded(opened.say_commands), name=f"commands of {opened.sid}")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def leave(self) -> None:
        """The editor is gone."""
        await asyncio.gather(*(opened.leave() for opened in self._sessions.values()))

    # one session ------------------------------------------------------------------------------------

    def _open(self, session_id: str) -> EditorSession:
        if session_id not in self._sessions:
            raise refused(f"Session {session_id!r} is not open in this editor. Load it (session/load) or make a new one (session/new).")
        return self._sessions[session_id]

    async def _opened(self, session: dict[str, Any], remarks: list[str], *, shows_past: bool = False) -> EditorSession:
        before = self._sessions.pop(str(session["id"]), None)
        if before is not None:
            if before.is_busy:
                self._sessions[before.sid] = before
                raise refused(f"s-{before.sid} is open here and answers a prompt. Wait for its end, or stop it.")
            await before.close()
        opened = await self._daemon.open(session, self._connection, remarks, has_terminals=self._has_terminals, shows_past=shows_past)
        self._sessions[opened.sid] = opened
        return opened

    async def _choices(self, opened: EditorSession) -> dict[str, Any]:
        options = session_options.options_of(opened.session, await self._daemon.models())
        return {"modes": session_options.modes_of(opened.session), "config_options": options}


class _answering:
    """Errors of ours leave as responses that say what happened and how to fix it."""

    async def __aenter__(self) -> None:
        return None

    async def __aexit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, OptaError):
            raise request_error(error) from error


async def _guarded(say: Callable[[], Awaitable[None]]) -> None:
    try:
        await say()
    except (OptaError, ConnectionError):
        # The list of commands comes again with the first prompt, where its error is said.
        return


def _remarks(mcp_servers: list[Any] | None, folders: list[str] | None) -> list[str]:
    """What a person has to know of what the editor passed: Opta starts no program that an editor names."""
    found = [
        f"The MCP server {server.name!r} of the editor was not started: Opta starts only servers that you have added to it. "
        + f"Add it: opta mcp add {server.name} {_definition(server)}"
        for server in mcp_servers or []
    ]
    if folders:
        found.append(f"These folders are not part of the session, which has one workspace: {', '.join(folders)}")
    return found


def _definition(server: Any) -> str:
    url = getattr(server, "url", "")
    return (
        f"--url {url}" if url else f"-- {' '.join([getattr(server, 'command', ''), *(getattr(server, 'args', None) or [])])}".rstrip(" -")
    )
