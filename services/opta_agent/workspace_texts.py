"""Texts of a session's workspace for its prompts: the tool-worker reads them, the rules of the user decide on them."""

import asyncio
from typing import Protocol

import msgspec

from opta_core.bus.bus import Bus, Frames
from opta_core.bus.requests import Requests
from opta_core.instruction_files import are_any
from opta_core.policy.actions import PolicyRequest
from opta_core.policy.layers import Layers
from opta_core.policy.verdict import Situation, judge
from opta_core.transcript import Turn
from opta_protocol.commands import ShownText, ShowTexts, TextsShown, ToolReply, WantedText
from opta_protocol.events import ToolCall
from opta_protocol.permissions import Level, Risk
from opta_protocol.tools.file_access import LIST_DIR, READ_FILE
from opta_protocol.topics import TOOLS_RPC

from .session import AgentSession

# A worker that is started again is back in about a second. A disk that hangs is not waited for; what a person asked for may be large.
SHOW_S, SHOW_REFERENCES_S, AGAIN_S = 2.5, 10.0, 1.0

# A file system that hangs is left to the tool-worker.
LOOK_S = 0.5

_reply = msgspec.json.Decoder(ToolReply)
_encode = msgspec.json.Encoder().encode


class Rules(Protocol):
    """What decides on reading (`gate_environment.GateEnvironment`). Both read files, so they are called in a thread."""

    def request(self, call: ToolCall, cwd: str) -> PolicyRequest: ...

    def layers(self, cwd: str) -> Layers: ...


class WorkspaceTexts:
    """The agent's questions to the tool-worker about texts."""

    def __init__(self, bus: Bus, rules: Rules):
        self._rules = rules
        self._dealer = bus.dealer(TOOLS_RPC, self._on_reply)
        self._asked: Requests[TextsShown] = Requests()

    async def show(self, session: AgentSession, wanted: list[WantedText]) -> list[ShownText]:
        """The texts that are wanted, in their order. Raises TimeoutError when the tool-worker does not answer."""
        # Most folders have no instructions: then the tool-worker need not be asked.
        is_there = await _are_there(session.transcript.cwd, wanted)
        found = iter(await self._asked_for(session, [each for each, there in zip(wanted, is_there, strict=True) if there]))
        return [next(found) if there else ShownText() for there in is_there]

    async def _asked_for(self, session: AgentSession, wanted: list[WantedText]) -> list[ShownText]:
        if not wanted:
            return []
        id_ = self._asked.next_id()
        transcript = session.transcript
        order = [_encode(ShowTexts(id=id_, cwd=transcript.cwd, folder=transcript.folder, wanted=wanted))]
        is_large = any(each.kind == "reference" for each in wanted)
        timeout_s, again_s = (SHOW_REFERENCES_S, SHOW_REFERENCES_S / 2) if is_large else (SHOW_S, AGAIN_S)
        return (await self._asked.ask(id_, lambda: self._dealer.send(order), timeout_s, again_s)).texts

    async def is_trusted(self, session: AgentSession) -> bool:
        """Whether the user trusts the session's folder as it is now."""
        return (await asyncio.to_thread(self._rules.layers, session.transcript.cwd)).trust == "trusted"

    async def refusal(self, session: AgentSession, turn: Turn, path: str, *, is_folder: bool = False) -> str:
        """Which rule keeps a path from being read without a question; '' for none. The user named it, so the level does not ask."""
        tool = LIST_DIR if is_folder else READ_FILE
        call = ToolCall(sid=session.sid, turn=turn.id, callId="", name=tool.name, args={"path": path}, risk=Risk.read, step=0)
        transcript, granted = session.transcript, frozenset(session.granted)

        def judged() -> str:
            cwd = transcript.cwd
            situation = Situation(
                level=Level.L2,
                layers=self._rules.layers(cwd),
                policy=transcript.policy,
                interactive=transcript.interactive,
                granted=granted,
            )
            verdict = judge(self._rules.request(call, cwd), situation)
            return "" if verdict.effect == "allow" else verdict.rule

        return await asyncio.to_thread(judged)

    def _on_reply(self, frames: Frames) -> None:
        reply = _reply.decode(frames[0])
        if isinstance(reply, TextsShown):
            self._asked.resolve(reply.id, reply)


async def _are_there(cwd: str, wanted: list[WantedText]) -> list[bool]:
    """For each text, whether there may be something to read."""

    def look() -> list[bool]:
        return [each.kind != "instructions" or are_any(f"{cwd}/{each.paths[0]}") for each in wanted]

    try:
        return await asyncio.wait_for(asyncio.to_thread(look), LOOK_S)
    except TimeoutError:
        return [True] * len(wanted)
