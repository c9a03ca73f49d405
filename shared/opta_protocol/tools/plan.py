"""The tool by which a model notes its plan."""

from typing import Annotated, Literal

from msgspec import Meta

from ..permissions import Risk
from .tool import Arguments, Tool


class TodoItem(Arguments, frozen=True, kw_only=True):
    """One step of the plan."""

    text: str
    state: Literal["open", "doing", "done"]


class Todo(Arguments, frozen=True, kw_only=True):
    """Arguments of todo."""

    items: Annotated[list[TodoItem], Meta(description="Every step, also those that are done.")]


TODO = Tool(
    name="todo",
    arguments=Todo,
    description="Note the plan: the whole list each time.",
    risk=Risk.read,
    kind="plan",
    label="Plan",
    question="Note a plan?",
)
