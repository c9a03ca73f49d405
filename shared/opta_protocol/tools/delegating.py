"""The tool with which a model gives a part of its task to a sub-agent. The agent itself runs it, as a session of its own."""

from typing import Annotated

import msgspec

from ..permissions import Risk
from .tool import Arguments, Tool

TASK_CHARS_MAX = 40_000


class Delegate(Arguments, frozen=True, kw_only=True):
    """Arguments of agent."""

    title: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    task: Annotated[str, msgspec.Meta(min_length=1, max_length=TASK_CHARS_MAX)]
    read_only: bool = False


AGENT = Tool(
    name="agent",
    arguments=Delegate,
    description="Give a sub-agent a task; its report is the result. It knows only what task says. Calls of one step run side by side.",
    # What it does is decided on call by call, in its session.
    risk=Risk.read,
    kind="plan",
    label="Sub-agent",
    question="Start a sub-agent?",
    subject="title",
    runs_in="agent",
)
