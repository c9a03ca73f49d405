"""A gate with real rules, programs and scripts, in this process: the desk plays the store, the worker and the person who is asked."""

from pathlib import Path
from typing import Literal, cast

from opta_agent.gate import PermissionGate
from opta_agent.gate_environment import GateEnvironment
from opta_agent.permit import Permit
from opta_agent.toolbox import WorkerToolbox
from opta_core.bus.outbox import Outbox
from opta_core.paths import Paths
from opta_protocol import events as e
from opta_protocol.commands import AppendResult, Preview
from opta_protocol.permissions import Level
from opta_protocol.tools.declared import tool_of

from .limits import limit_s
from .story import SID, TURN, Story

PATH = "/usr/local/bin:/usr/bin:/bin"


class Desk:
    """A story whose gate is real: it reads real rules and scripts, and `answer` is what a person says to every question: allow, deny, or a
    wider answer where it is offered.
    """

    def __init__(self, folder: Path, answer: str = "allow", machine: type[GateEnvironment] = GateEnvironment):
        self.folder, self.answer = folder / "work", answer
        (self.folder).mkdir()
        paths = Paths(folder / "home", folder / "home/daemon")
        paths.make()
        (paths.home / "policies").mkdir()
        (paths.home / "policies/mine.yaml").write_text("version: 1\nrules: []\n")
        self.story = Story(str(self.folder))
        self.machine = machine(paths, PATH, cast("WorkerToolbox", self))
        self.gate = PermissionGate(cast("Outbox", self), self.machine, limit_s(10))
        self.story.emit(e.StepStart(sid=SID, turn=TURN, step=1, provider="p", model="m", attempt=1))

    def call(self, number: int, command: str) -> e.ToolCall:
        """A call of run_command, as the model made it."""
        return self.call_of("run_command", number, command=command)

    def call_of(self, name: str, number: int, **args: object) -> e.ToolCall:
        """A call of a tool, as the model made it."""
        made = e.ToolCall(sid=SID, turn=TURN, callId=f"c{number}", name=name, args=args, risk=tool_of(name).risk, step=1)
        self.story.emit(made)
        return made

    async def check(self, call: e.ToolCall, level: Level = Level.L2) -> Permit:
        """The decision on a call in a turn of that level."""
        turn = self.story.session.transcript.turn(TURN)
        assert turn is not None
        turn.level = level
        return await self.gate.check(self.story.session, turn, call)

    def questions(self) -> list[e.PermissionRequest]:
        return [event for event in self.story.events if isinstance(event, e.PermissionRequest)]

    # the outbox

    def append(self, event: e.Event) -> None:
        self.story.emit(event)

    async def written(self, event: e.Event, timeout_s: float = 10) -> AppendResult:
        self.story.emit(event)
        if isinstance(event, e.PermissionRequest):
            self.on_question(event)
        return AppendResult(n=len(self.story.events), status="written")

    def on_question(self, asked: e.PermissionRequest) -> None:
        wider = self.answer if self.answer in {offer.id for offer in asked.offers} else ""
        self.say(asked, "deny" if self.answer == "deny" else "allow", wider)

    def say(self, asked: e.PermissionRequest, decision: Literal["allow", "deny"], offer: str = "") -> None:
        """An answer to a question; `offer`: the wider answer that was chosen."""
        scope = "session" if offer.startswith("session") else decision
        self.story.emit(
            e.PermissionDecision(
                sid=SID, turn=TURN, callId=asked.callId, requestId=asked.requestId, decision=decision, by="client", scope=scope, offer=offer
            )
        )

    # the toolbox

    def tool(self, sid: str, turn_id: str, name: str) -> object:
        return tool_of(name)

    async def sandbox(self) -> str:
        return "full"

    async def preview(self, session: object, call: e.ToolCall) -> Preview:
        return Preview(callId=call.callId, folder=str(self.folder))
