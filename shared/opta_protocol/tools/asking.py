"""The tool with which a model asks the user a question. The agent itself runs it: nothing but the session is involved."""

from typing import Annotated

import msgspec

from ..permissions import Risk
from .tool import Arguments, Tool

OPTIONS_MAX = 4


class AskUser(Arguments, frozen=True, kw_only=True):
    """Arguments of ask_user."""

    question: Annotated[str, msgspec.Meta(min_length=1, max_length=2000)]
    options: Annotated[
        list[Annotated[str, msgspec.Meta(min_length=1, max_length=200)]],
        msgspec.Meta(max_length=OPTIONS_MAX),
    ] = msgspec.field(default_factory=list[str])

    def __post_init__(self) -> None:
        if not self.question.strip():
            raise ValueError("the question is empty")
        if not all(option.strip() for option in self.options):
            raise ValueError("an option is empty")
        if len(set(self.options)) < len(self.options):
            raise ValueError("two options are the same")


ASK_USER = Tool(
    name="ask_user",
    arguments=AskUser,
    description="Ask the user a question that only they can answer.",
    risk=Risk.read,
    kind="plan",
    label="Question",
    question="Ask a question?",
    subject="question",
    runs_in="agent",
)
