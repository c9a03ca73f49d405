"""What a chat template can take, found by what it does with small conversations."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class TemplateTraits:
    """The traits of one template, with or without tools. The defaults are those of a template that takes everything."""

    # Whether earlier turns appear in the prompt at all.
    keeps_history: bool = True
    # Content as a list of parts instead of a text.
    wants_parts: bool = False
    system: bool = True
    # A second system message behind the first; one in the middle of the conversation.
    system_twice: bool = True
    system_later: bool = True
    user_twice: bool = True
    assistant_twice: bool = True
    assistant_first: bool = True
    # A conversation without a user's message.
    no_user: bool = True
    # Declared tools appear in the prompt.
    tools: bool = True
    # Calls and results appear in the prompt, in this form.
    calls: bool = True
    # Results have a role of their own, though calls are text.
    results: bool = True
    arguments: Literal["object", "text"] = "object"
    ids: Literal["free", "nine", "function"] = "free"
    # The content of a message with calls and without a text.
    empty: Literal["text", "none"] = "text"
    parallel: bool = True
    text_with_calls: bool = True
    user_after_result: bool = True
    # The field of the reasoning in a message with calls; '' when the template reads none.
    reasoning: str = ""
    # Reasoning and text in one message with calls.
    reasoning_with_text: bool = True
