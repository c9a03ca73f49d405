"""What a person typed of a message that a model server gets: the agent adds the environment of the turn behind it."""

import re
from typing import Any

_ENVIRONMENT = re.compile(r"(\n\n)?<environment>.*?</environment>")


def typed(content: Any) -> str:
    """The content of a user's message without the environment, which holds the date and this machine's system."""
    return _ENVIRONMENT.sub("", str(content))


def as_typed(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Messages in which those of the user are as they were typed."""
    return [{**message, "content": typed(message["content"])} if message["role"] == "user" else message for message in messages]
