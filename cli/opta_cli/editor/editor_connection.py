"""The connection to an editor: requests reach the agent, updates and questions leave it, each as a model of the protocol.

It stands on the connection of the package agent-client-protocol, and adds what that does not send or route: the withdrawal of a question
(`$/cancel_request`), and `session/delete`.
"""

import asyncio
import contextlib
from typing import Any

from acp.agent.router import build_agent_router
from acp.connection import Connection, StreamDirection, StreamEvent
from acp.router import Route
from acp.schema import (
    CancelRequestNotification,
    DeleteSessionRequest,
    PermissionOption,
    RequestPermissionRequest,
    RequestPermissionResponse,
    SessionNotification,
    ToolCallUpdate,
)
from acp.utils import normalize_result, serialize_params

from ..client import new_key
from .editor_agent import EditorAgent
from .protocol_streams import LineTransport

CANCEL_REQUEST = "$/cancel_request"
# In `_meta` of a question: names it, so that its request can be withdrawn.
QUESTION = "optaQuestion"
# How long requests are answered after the editor has closed its side.
ANSWER_S = 3.0


class EditorConnection:
    """`transport` carries the messages of the protocol."""

    def __init__(self, agent: EditorAgent, transport: LineTransport):
        self._agent = agent
        router = build_agent_router(agent, use_unstable_protocol=True)  # pyright: ignore[reportArgumentType]
        router.add_route(Route(method="session/delete", func=self._delete, kind="request", adapt_result=normalize_result))
        router.add_route(Route(method=CANCEL_REQUEST, func=self._cancel, kind="notification"))
        self._connection = Connection(router, transport, listening=False, observers=[self._observe])
        # Question -> the id of its request, once it has left.
        self._questions: dict[str, int] = {}
        self._withdrawing: set[asyncio.Task[None]] = set()
        # Requests that are answered at once, and have no answer yet.
        self._unanswered: set[str] = set()
        self._is_answered = asyncio.Event()
        self._is_answered.set()
        agent.on_connect(self)

    async def listen(self) -> None:
        """Answer requests until the editor closes its side."""
        await self._connection.main_loop()

    async def close(self) -> None:
        """Answer what was asked before, except prompts; end what is left."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._is_answered.wait(), ANSWER_S)
        await self._connection.close()

    async def session_update(self, session_id: str, update: Any) -> None:
        """Send an update. Raises ConnectionError when the editor has gone."""
        await self._connection.send_notification(
            "session/update", serialize_params(SessionNotification(session_id=session_id, update=update))
        )

    async def request_permission(
        self, session_id: str, tool_call: ToolCallUpdate, options: list[PermissionOption]
    ) -> RequestPermissionResponse:
        """Ask a person. When this is cancelled, the editor is asked to take the question away. Raises RequestError, ConnectionError."""
        key = new_key()
        request = RequestPermissionRequest(session_id=session_id, tool_call=tool_call, options=options, field_meta={QUESTION: key})
        try:
            answer = await self._connection.send_request("session/request_permission", serialize_params(request))
        except asyncio.CancelledError:
            if key in self._questions:
                task = asyncio.create_task(self._withdraw(self._questions[key]), name="withdrawal")
                self._withdrawing.add(task)
                task.add_done_callback(self._withdrawing.discard)
            raise
        finally:
            self._questions.pop(key, None)
        return RequestPermissionResponse.model_validate(answer)

    async def _withdraw(self, request_id: int) -> None:
        with contextlib.suppress(ConnectionError):
            await self._connection.send_notification(CANCEL_REQUEST, serialize_params(CancelRequestNotification(request_id=request_id)))

    def _observe(self, event: StreamEvent) -> None:
        message, is_incoming = event.message, event.direction is StreamDirection.INCOMING
        method, request = message.get("method"), str(message.get("id"))
        if is_incoming and method is not None and "id" in message and method != "session/prompt":
            self._unanswered.add(request)
            self._is_answered.clear()
        elif not is_incoming and method is None:
            self._unanswered.discard(request)
            if not self._unanswered:
                self._is_answered.set()
        elif not is_incoming and method == "session/request_permission":
            self._questions[message["params"]["_meta"][QUESTION]] = message["id"]
        self._agent.observe(event)

    async def _delete(self, params: Any) -> Any:
        return await self._agent.delete_session(DeleteSessionRequest.model_validate(params).session_id)

    async def _cancel(self, params: Any) -> None:
        await self._agent.cancel_request(CancelRequestNotification.model_validate(params).request_id)
