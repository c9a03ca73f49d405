"""An editor: the client of the package agent-client-protocol, with a real `opta acp` behind it. Every message is checked by the protocol's models."""

import asyncio
import contextlib
import json
import subprocess
from collections.abc import AsyncGenerator, Callable, Iterable
from pathlib import Path
from typing import Any

from acp import PROTOCOL_VERSION, schema, spawn_agent_process
from acp.schema import AllowedOutcome, ClientCapabilities, DeniedOutcome, RequestPermissionResponse

from support.daemon import OPTA, Daemon
from support.limits import limit_s

# Method -> the model of its parameters, or of its result.
_ASKED: dict[str, Any] = {"session/update": schema.SessionNotification, "session/request_permission": schema.RequestPermissionRequest}
_ANSWERED: dict[str, Any] = {
    "initialize": schema.InitializeResponse,
    "session/new": schema.NewSessionResponse,
    "session/load": schema.LoadSessionResponse,
    "session/list": schema.ListSessionsResponse,
    "session/fork": schema.ForkSessionResponse,
    "session/resume": schema.ResumeSessionResponse,
    "session/close": schema.CloseSessionResponse,
    "session/delete": schema.DeleteSessionResponse,
    "session/set_mode": schema.SetSessionModeResponse,
    "session/set_config_option": schema.SetSessionConfigOptionResponse,
    "session/prompt": schema.PromptResponse,
}
Chooser = Callable[[Any], str | None]


class Editor:
    """`choose(request)`: the option that its person takes, None for cancel. `agent` has the methods of the protocol."""

    def __init__(self, choose: Chooser | None = None):
        self.choose: Chooser = choose or (lambda asked: "allow")
        self.updates: list[Any] = []
        self.asked: list[Any] = []
        self.wire: list[dict[str, Any]] = []
        self.withdrawn: list[int] = []
        self.agent: Any = None
        self.process: Any = None
        self._methods: dict[Any, str] = {}
        # While it is closed, the person thinks.
        self.gate = asyncio.Event()
        self.gate.set()
        self._happened = asyncio.Event()

    # what the agent asks and says -------------------------------------------------------------------

    async def session_update(self, session_id: str, update: Any, **_: Any) -> None:
        self.updates.append((session_id, update))
        self._happened.set()

    async def request_permission(self, session_id: str, tool_call: Any, options: list[Any], **_: Any) -> RequestPermissionResponse:
        request = schema.RequestPermissionRequest(session_id=session_id, tool_call=tool_call, options=options)
        self.asked.append(request)
        self._happened.set()
        await self.gate.wait()
        option = self.choose(request)
        if option is None:
            return RequestPermissionResponse(outcome=DeniedOutcome(outcome="cancelled"))
        return RequestPermissionResponse(outcome=AllowedOutcome(outcome="selected", option_id=option))

    def on_connect(self, conn: Any) -> None:
        self.agent = conn

    def observe(self, event: Any) -> None:
        """Check every message of the agent with the models of the protocol."""
        message, is_ours = event.message, event.direction.value == "outgoing"
        if is_ours:
            if "method" in message and "id" in message:
                self._methods[message["id"]] = message["method"]
            return
        self.wire.append(message)
        if message.get("method") == "$/cancel_request":
            withdrawn = schema.CancelRequestNotification.model_validate(message["params"]).request_id
            asked = [each["id"] for each in self.wire if each.get("method") == "session/request_permission"]
            self.withdrawn.append(asked.index(withdrawn))
            self._happened.set()
        elif "method" in message:
            if model := _ASKED.get(message["method"]):
                model.model_validate(message["params"])
        elif "result" in message:
            _ANSWERED[self._methods[message["id"]]].model_validate(message["result"])

    async def until(self, condition: Callable[[], Any], what: str, timeout_s: float = 10.0) -> None:
        """Wait until the agent has said something."""
        try:
            async with asyncio.timeout(limit_s(timeout_s)):
                while not condition():
                    self._happened.clear()
                    await self._happened.wait()
        except TimeoutError:
            raise AssertionError(f"{what}; the last messages: {self.wire[-5:]}") from None

    # what it shows ----------------------------------------------------------------------------------

    def of(self, kind: str, sid: str = "") -> list[Any]:
        """The updates of a kind, in order."""
        return [update for of, update in self.updates if update.session_update == kind and sid in ("", of)]

    def text(self, kind: str = "agent_message_chunk", sid: str = "") -> str:
        """The words of the model, or those of another kind."""
        return "".join(update.content.text for update in self.of(kind, sid) if update.content.type == "text")

    def calls(self, sid: str = "") -> dict[str, dict[str, Any]]:
        """Tool calls as they are now: the fields that each update named last."""
        found: dict[str, dict[str, Any]] = {}
        for of, update in self.updates:
            if update.session_update in ("tool_call", "tool_call_update") and sid in ("", of):
                named = {name: value for name in update.model_fields_set if (value := getattr(update, name)) is not None}
                found.setdefault(update.tool_call_id, {}).update(named)
        return found


@contextlib.asynccontextmanager
async def editor_of(
    daemon: Daemon, *words: str, choose: Chooser | None = None, has_terminals: bool = False, cwd: Path | None = None, **variables: str
) -> AsyncGenerator[Editor]:
    """An editor that has started `opta acp WORDS` and has said hello."""
    editor = Editor(choose)
    async with spawn_agent_process(
        editor,
        str(OPTA),
        "acp",
        *words,
        env={**daemon.environment, **variables},
        cwd=cwd or daemon.workspace,
        transport_kwargs={"stderr": asyncio.subprocess.PIPE},
        use_unstable_protocol=True,
        observers=[editor.observe],
    ) as (connection, process):
        editor.agent, editor.process = connection, process
        capabilities = ClientCapabilities(field_meta={"terminal_output": True} if has_terminals else None)
        await asyncio.wait_for(connection.initialize(protocol_version=PROTOCOL_VERSION, client_capabilities=capabilities), limit_s(20))
        yield editor


def spoken_to(daemon: Daemon, lines: Iterable[str]) -> list[dict[str, Any]]:
    """What `opta acp` answers to lines that are written by hand, until the input ends. Its output must hold nothing else."""
    command, content = [str(OPTA), "acp"], "".join(f"{line}\n" for line in lines)
    done = subprocess.run(command, input=content, env=daemon.environment, capture_output=True, text=True, timeout=limit_s(20), check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]
