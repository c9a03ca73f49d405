"""The state of one run of a turn, and the collaborators that it uses."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import msgspec

from opta_core.attachments import AttachmentFolder
from opta_core.clock import now_s
from opta_core.skills import SkillsFound
from opta_core.transcript import Injected, Step, Turn
from opta_core.transcript_parts import Child
from opta_protocol.commands import ShownText, WantedText
from opta_protocol.control_events import SteerText
from opta_protocol.event_parts import Limits
from opta_protocol.events import ContextInjected, Event, RouteSwitch, ToolCall, ToolResult, TurnDone, TurnPaused, Warning

from .folder_facts import FolderLooks
from .gate import Permit
from .hooks import Hooks
from .images import Images
from .providers.base import Usage
from .router import Route
from .session import AgentSession
from .toolset import Offered
from .user_questions import Questions

# How long a paused turn sleeps at most; every event of its session wakes it.
PAUSE_POLL_S = 30.0
Finish = Literal["stop", "length", "budget", "steps"]


class Gate(Protocol):
    """Decides on a call (`gate.Gate`). `waited_s`: how long people took to answer."""

    @property
    def waited_s(self) -> float: ...

    def check(self, session: AgentSession, turn: Turn, call: ToolCall) -> Awaitable[Permit]: ...

    def permit_again(self, session: AgentSession, call: ToolCall) -> Awaitable[Permit]: ...

    async def runs_scripts(self, session: AgentSession, call: ToolCall) -> bool: ...

    async def withdraw(self, session: AgentSession, call: ToolCall, reason: str) -> None: ...


class Toolbox(Protocol):
    """Runs a call (`toolbox.Toolbox`)."""

    def run(self, session: AgentSession, call: ToolCall, permit: Permit | None = None) -> Awaitable[ToolResult]: ...

    def is_running(self, call_id: str) -> Awaitable[bool | None]: ...

    def offered(self, session: AgentSession, turn_id: str) -> Awaitable[Offered]: ...


class Texts(Protocol):
    """Gives texts of the workspace (`workspace_texts.WorkspaceTexts`)."""

    async def show(self, session: AgentSession, wanted: list[WantedText]) -> list[ShownText]: ...

    async def is_trusted(self, session: AgentSession) -> bool: ...

    async def refusal(self, session: AgentSession, turn: Turn, path: str, *, is_folder: bool = False) -> str: ...


class SkillSource(Protocol):
    """Finds the skills for a folder (`skill_list.SkillLooks`)."""

    async def look(self, cwd: str) -> SkillsFound | None: ...


class Delegates(Protocol):
    """Runs a call of `agent` as a session of its own (`children.Children`). `waited_s`: seconds in which sub-agents waited for people."""

    waited_s: float

    async def run(self, run: "TurnRun", call: ToolCall) -> ToolResult: ...


@dataclass(frozen=True)
class TurnLimits:
    """When a turn has gone on long enough."""

    max_steps: int
    max_calls: int
    max_minutes: float = 90.0
    # Read and written; 0: no limit.
    max_tokens: int = 0

    def with_asked(self, asked: Limits | None) -> "TurnLimits":
        """These limits, with those that were asked for with the turn in their place."""
        if asked is None:
            return self
        return TurnLimits(
            asked.steps or self.max_steps, asked.calls or self.max_calls, asked.minutes or self.max_minutes, asked.tokens or self.max_tokens
        )

    def shown(self) -> Limits:
        """The same for people and clients."""
        return Limits(steps=self.max_steps, calls=self.max_calls, minutes=self.max_minutes, tokens=self.max_tokens)


@dataclass(frozen=True)
class Collaborators:
    """What a run uses. `choose_route` finds the way to a model by name; `emit` sends an event to the store; `backpressure` waits
    while the store is behind."""

    choose_route: Callable[[str], Awaitable[Route]]
    gate: Gate
    toolbox: Toolbox
    emit: Callable[[Event], Any]
    backpressure: Callable[[], Awaitable[None]]
    limits: TurnLimits
    # The setting `sandbox.network`.
    network: str = "off"
    # None: nothing of the workspace goes into a prompt by itself.
    texts: Texts | None = None
    # None: no image is sent.
    images: Images | None = None
    attachments: AttachmentFolder | None = None
    folders: FolderLooks = field(default_factory=FolderLooks)
    # None: nobody can be asked.
    questions: Questions | None = None
    # None: skills are not looked for.
    skills: SkillSource | None = None
    # None: there are no hooks.
    hooks: Hooks | None = None
    # None: no sub-agent is started.
    children: Delegates | None = None


@dataclass
class Tally:
    """What the turn's ending reports. Times ending in `_at` are of `clock.now_s`."""

    started_at: float = field(default_factory=now_s)
    tokens: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    thinking_tokens: int = 0
    tools: int = 0
    steps: int = 0
    generation_s: float = 0.0
    first_token_ms: float = 0.0
    context_used: int = 0
    context_limit: int = 0
    # Sub-agents that have ended, and what they used; tokens read and written.
    children: int = 0
    child_steps: int = 0
    child_calls: int = 0
    child_tokens: int = 0

    def restore(self, steps: list[Step]) -> None:
        """Count the steps that former agents stored."""
        for step in steps:
            self.tokens += step.tokens
            self.prompt_tokens += step.promptTokens
            self.cached_tokens += step.cachedTokens
            self.thinking_tokens += step.thinkingTokens
            self.tools += len(step.calls)
            self.context_used, self.context_limit = step.contextUsed or self.context_used, step.contextLimit or self.context_limit
            for call in step.calls:
                if call.child is not None and call.state in ("ok", "failed"):
                    self.add_child(call.child)
        self.steps = len(steps)

    def add_answer(self, usage: Usage, asked_at: float, first_at: float, context_limit: int) -> None:
        """Count one whole answer. `first_at`: when its first part came, 0 when none did."""
        self.tokens += usage.completion
        self.prompt_tokens += usage.prompt
        self.cached_tokens += usage.cached
        self.thinking_tokens += usage.thinking
        self.generation_s += now_s() - (first_at or asked_at)
        self.first_token_ms = self.first_token_ms or round((first_at - asked_at) * 1000, 1)
        self.context_used, self.context_limit = usage.prompt + usage.completion, context_limit

    def add_calls(self, calls: list[ToolCall]) -> None:
        """Count the tool calls of one answer."""
        self.tools += len(calls)

    def add_child(self, child: Child) -> None:
        """Count a sub-agent that has ended."""
        self.children += 1
        self.child_steps += child.step
        self.child_calls += child.calls
        self.child_tokens += child.tokens

    def left(self, limits: TurnLimits, waited_s: float) -> TurnLimits:
        """What is left of the limits; a limit of 0 tokens is none."""
        return TurnLimits(
            limits.max_steps - self.steps - self.child_steps,
            limits.max_calls - self.tools - self.child_calls,
            limits.max_minutes - (now_s() - self.started_at - waited_s) / 60,
            limits.max_tokens - self.tokens - self.prompt_tokens - self.child_tokens if limits.max_tokens else 0,
        )

    def exceeded(self, limits: TurnLimits, waited_s: float) -> str:
        """Why the turn stops after the calls so far; '' when it goes on. `waited_s`: how long people were waited for."""
        if self.child_steps and self.steps + self.child_steps >= limits.max_steps:
            return f"The turn met its limit max-steps = {limits.max_steps}, with those of its sub-agents. Resume it to go on."
        if self.tools + self.child_calls >= limits.max_calls:
            return f"The turn met its limit max-calls = {limits.max_calls}. Resume it to go on."
        if limits.max_tokens and self.tokens + self.prompt_tokens + self.child_tokens >= limits.max_tokens:
            return f"The turn met its limit max-turn-tokens = {limits.max_tokens}. Resume it to go on."
        minutes = (now_s() - self.started_at - waited_s) / 60
        if minutes >= limits.max_minutes:
            return f"The turn met its limit max-minutes = {limits.max_minutes:g}. Resume it to go on."
        return ""


@dataclass
class TurnRun:
    """One run of a turn: where it is (`step`, `attempt`), which route answers, which tools are offered, and what is counted."""

    session: AgentSession
    turn: Turn
    collaborators: Collaborators
    offered: Offered
    step: int = 1
    attempt: int = 1
    # What the model reads before this step, and how many answers in a row were nothing.
    nudge: str = ""
    failed_answers: int = 0
    # What people said to the turn, as the model reads it before this step.
    steers: list[SteerText] = field(default_factory=list[SteerText])
    # What this run may use.
    limits: TurnLimits = field(init=False)
    are_limits_said: bool = False
    # Seconds for which it was paused.
    paused_s: float = 0.0
    # The last step, when a former agent stored its whole answer and that has no calls.
    answered: Step | None = None
    tally: Tally = field(default_factory=Tally)
    # Warnings of `warn_once`.
    warned: set[str] = field(default_factory=set[str])
    # Chosen before the first model call; calls that a former agent left are finished without one.
    route: Route = field(init=False)

    def emit(self, event: Event) -> None:
        """Send an event to the store."""
        self.collaborators.emit(event)

    def warn(self, code: str, message: str) -> None:
        """Show a warning in the turn."""
        self.emit(Warning(sid=self.session.sid, turn=self.turn.id, code=code, message=message))

    def warn_once(self, code: str, message: str) -> None:
        """The same, once in a turn; an agent that takes the turn over finds what was said in the journal."""
        if message not in self.warned and message not in self.turn_now().warnings:
            self.warned.add(message)
            self.warn(code, message)

    def inject(self, part: Injected) -> None:
        """Add text to the prompt. It is not waited for: it is stored before the step that it is used in."""
        self.turn_now().injected.append(part)
        tokens = int(len(part.text.encode()) / self.session.history.bytes_a_token)
        self.emit(
            ContextInjected(
                sid=self.session.sid,
                turn=self.turn.id,
                source=part.source,
                tokens=tokens,
                text=part.text,
                step=part.step,
                edition=part.edition,
            )
        )

    async def until_answered(self) -> None:
        """Wait until this step's answer is stored: the next request is built from what is."""
        while not any(step.step == self.step and step.finish for step in self.turn_now().steps):
            await self.session.changed(0.5)

    def take_steers(self) -> list[SteerText]:
        """The words of people that the model reads before this step: those that wait, and those that an earlier attempt read."""
        self.steers = [SteerText(id=steer.id, text=steer.text) for steer in self.turn_now().steers if steer.step in (0, self.step)]
        return self.steers

    def limits_to_say(self) -> Limits | None:
        """The limits of the turn, once, unless its transcript has them."""
        limits, self.are_limits_said = None if self.are_limits_said else self.limits.shown(), True
        return limits if limits != self.turn_now().limits else None

    def has_unread_steers(self) -> bool:
        """Whether words wait that no model has read."""
        return any(not steer.step for steer in self.turn_now().steers)

    async def until_unpaused(self) -> None:
        """Wait while the turn is paused, or about to be. Called where nothing of the turn is under way."""
        began, is_said = now_s(), False
        while (state := self.turn_now().state) in ("pausing", "paused"):
            if state == "pausing" and not is_said:
                is_said = True
                self.emit(TurnPaused(sid=self.session.sid, turn=self.turn.id, step=self.step))
            await self.session.changed(PAUSE_POLL_S)
        self.paused_s += now_s() - began

    def waited_s(self) -> float:
        """Seconds in which a person was waited for."""
        asked, children = self.collaborators.questions, self.collaborators.children
        waited_s = (asked.waited_s if asked is not None else 0.0) + (children.waited_s if children is not None else 0.0)
        return self.collaborators.gate.waited_s + self.paused_s + waited_s

    def begin_next_step(self, nudge: str = "") -> None:
        """Go on with the next model call, which begins with `nudge`."""
        self.step, self.attempt, self.nudge = self.step + 1, 1, nudge

    def learn_limit(self, tokens: int) -> None:
        """The server said how many tokens its model can read; 0 when it did not."""
        if tokens and tokens != self.route.context_limit:
            self.route = msgspec.structs.replace(self.route, context_limit=tokens)

    def turn_now(self) -> Turn:
        """The turn with everything that was said and stored so far."""
        return self.session.transcript.turn(self.turn.id) or self.turn

    def switch(self, switched_from: str, route: Route, reason: str) -> None:
        """Continue on another route, and report it."""
        self.route = route
        to = f"{route.provider.name}/{route.model}"
        self.emit(RouteSwitch(sid=self.session.sid, turn=self.turn.id, from_=switched_from, to=to, reason=reason))

    def done(self, finish: Finish) -> TurnDone:
        """The turn's ending. Time in which a person was asked is not counted."""
        tally = self.tally
        return TurnDone(
            sid=self.session.sid,
            turn=self.turn.id,
            tokens=tally.tokens,
            promptTokens=tally.prompt_tokens,
            cachedTokens=tally.cached_tokens,
            thinkingTokens=tally.thinking_tokens,
            elapsed=round(max(0.0, now_s() - tally.started_at - self.waited_s()), 3),
            tokensPerSec=round(tally.tokens / tally.generation_s, 1) if tally.generation_s > 0 else 0.0,
            tools=tally.tools,
            steps=tally.steps,
            firstTokenMs=tally.first_token_ms,
            contextUsed=tally.context_used,
            contextLimit=tally.context_limit,
            children=tally.children,
            childTokens=tally.child_tokens,
            finish=finish,
        )
