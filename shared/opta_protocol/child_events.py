"""Events about a sub-agent, in the session that started it: a call of `agent` has a child session, which works on the call's task."""

from typing import Literal

from .event_base import Event

# done, limit, failed and stopped are how its turn ended.
ChildProgress = Literal["queued", "running", "waiting", "paused", "done", "limit", "failed", "stopped"]


class ChildStart(Event, frozen=True, kw_only=True, omit_defaults=True, tag="child.start"):
    """A call got a child session of its own, which may still have to wait for a free place. `readOnly`: it can change nothing."""

    callId: str
    childSid: str
    title: str
    readOnly: bool = False


class ChildState(Event, frozen=True, kw_only=True, omit_defaults=True, tag="child.state"):
    """How far a child is: its step, and the tool calls and tokens (read and written) so far.

    `asks`: what it asks a person, on one line; `askSeq` is the seq of that question in the child's session. One event for each question.
    """

    callId: str
    childSid: str
    state: ChildProgress
    childTurn: str = ""
    step: int = 0
    calls: int = 0
    tokens: int = 0
    asks: str = ""
    askSeq: int = 0
