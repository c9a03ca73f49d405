"""A talk of several turns in a real folder: a scripted provider, the real reading of files, and events as the store would number them."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec

from opta_agent.hooks import Hooks
from opta_agent.images import Images
from opta_agent.loop import run_turn
from opta_agent.providers.base import CallPart, End, Part, TextPart, Usage
from opta_agent.router import Route
from opta_agent.session import AgentSession
from opta_agent.skill_list import SkillLooks
from opta_agent.turn_run import Collaborators, TurnLimits
from opta_agent.user_questions import Questions
from opta_core.attachments import AttachmentFolder
from opta_core.errors import OptaError
from opta_protocol import events as e
from opta_protocol import wire
from opta_protocol.permissions import Level, Mode

from .story import SID, Scripted, Story
from .texts import LocalTexts

STOP = End("stop", Usage(prompt=10, completion=3))
USE = End("tool_calls", Usage(prompt=10, completion=3))
DONE: list[Part | OptaError] = [TextPart("done"), STOP]


def reads(path: str, name: str = "read_file") -> list[Part | OptaError]:
    return [CallPart("x", name, msgspec.json.encode({"path": path}).decode()), USE]


class Talk(Story):
    """Turns one after another in a folder, with the real reading of its files."""

    def __init__(self, folder: Path, limit: int = 32_000, vision: bool | None = None, **texts: Any) -> None:
        super().__init__(str(folder))
        self.texts, self.limit, self.vision, self.number = LocalTexts(**texts), limit, vision, 1
        self.attachments: AttachmentFolder | None = None
        self.images: Images | None = None
        self.questions: Questions | None = None
        self.hooks: Hooks | None = None
        self.skills: SkillLooks | None = None

    def take_over(self, events: list[e.Event], number: int) -> None:
        """Go on where an agent died that had stored these events, in its turn `number`."""
        self.events.clear()
        self.session, self.number = AgentSession(SID, "later.boot"), number
        self.session.speaks_after(len(events))
        for event in events:
            super().emit(event)

    def keep_attachments(self, folder: Path) -> None:
        """Take attachments from a folder."""
        self.attachments = AttachmentFolder(folder)
        self.images = Images(self.attachments)

    def turn(
        self, *scripts: list[Part | OptaError], text: str = "go", compact: bool = False, is_stored: bool = False
    ) -> list[list[dict[str, Any]]]:
        """Run a turn; the messages of its requests. `is_stored`: its start has been emitted."""
        name = f"t{self.number}"
        if self.number > 1 and not is_stored:
            start = e.TurnStart(sid=SID, turn=name, role="user", text=text, mode=Mode.do, level=Level.L2, compact=compact)
            self.emit(start)
        self.number += 1
        provider = Scripted(*scripts)

        async def route(wanted: str) -> Route:
            return Route(provider, "model", self.limit, vision=self.vision)

        async def backpressure() -> None:
            return

        collaborators = Collaborators(
            route,
            self,
            self,
            self.emit,
            backpressure,
            TurnLimits(20, 30),
            texts=self.texts,
            images=self.images,
            attachments=self.attachments,
            questions=self.questions,
            hooks=self.hooks,
            skills=self.skills,
        )
        self.emit(asyncio.run(run_turn(self.session, name, collaborators)))
        return [msgspec.json.decode(request.messages) for request in provider.requests]

    async def run(self, session: AgentSession, call: e.ToolCall, permit: Any = None) -> e.ToolResult:
        result = e.ToolResult(sid=SID, turn=call.turn, callId=call.callId, ok=True, content="ran")
        self.emit(result)
        return result

    def emit(self, event: e.Event) -> None:
        if isinstance(event, e.PermissionDecision):
            event = msgspec.structs.replace(event, turn=f"t{self.number - 1}")
        super().emit(event)

    def warnings(self) -> list[str]:
        return [event.message for event in self.events if isinstance(event, e.Warning)]

    def sources(self) -> list[tuple[str, int]]:
        """(source, step) of what was added, without the environment."""
        added = [event for event in self.events if isinstance(event, e.ContextInjected)]
        return [(event.source, event.step) for event in added if event.source != "environment"]

    def again(self) -> AgentSession:
        """The session as an agent that starts now reads it."""
        session = AgentSession(SID, "later.boot")
        session.take(
            1, [wire.stamp(wire.encode_body(event), n, "2026-01-01T00:00:00.000000Z", "p", n) for n, event in enumerate(self.events, 1)]
        )
        return session
