"""The tool that records the model's plan."""

from typing import Literal

from ..permissions import Risk
from .tool import Arguments, Tool


class TodoItem(Arguments, frozen=True, kw_only=True):
    """One step of the plan."""

    text: str
    state: Literal["open", "doing", "done"]


class Todo(Arguments, frozen=True, kw_only=True):
    """Arguments of todo."""

    items: list[TodoItem]


TODO = Tool(
    name="todo",
    arguments=Todo,
    description="Show the user your plan: the whole list each time.",
    risk=Risk.read,
    kind="plan",
    label="Plan",
    question="Note a plan?",
    progress="items",
)
