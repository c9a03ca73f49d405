"""/v1/tokenize: the tokens of a text, or of a conversation as the model's chat template renders it."""

from typing import Annotated, Any

import msgspec

from opta_core.errors import Refused

from ..ipc.messages import Tokenize, Tokens
from .chat.message import message_of
from .field_rules import MODEL, FieldRule, done
from .request_body import MESSAGES_MAX, ClientBody, Ignored, ModelName
from .tool_set import tool_set


class TokenizeRequest(ClientBody, frozen=True, kw_only=True):
    """The body of /v1/tokenize: either `prompt` or `messages`."""

    prompt: str | None = None
    messages: Annotated[list[dict[str, Any]], msgspec.Meta(max_length=MESSAGES_MAX)] | None = None
    tools: list[dict[str, Any]] | None = None
    model: ModelName = ""


RULES: dict[str, FieldRule] = {"prompt": done(), "messages": done(), "tools": done(), "model": MODEL}


def order_of(request: TokenizeRequest, found: Ignored) -> Tokenize:
    """The order for the engine. Raises Refused naming the field."""
    if (request.prompt is None) == (request.messages is None):
        raise Refused("Field 'prompt': give either a prompt or messages.")
    if request.messages is None:
        return Tokenize(id=0, text=request.prompt or "")
    if not request.messages:
        raise Refused("Field 'messages': at least one.")
    messages = [message_of(at, message, found) for at, message in enumerate(request.messages)]
    return Tokenize(id=0, messages=messages, tools=tool_set(request.tools, None, found).shown())


def body_of(model: str, context_length: int, found: Tokens) -> bytes:
    """The JSON body."""
    return msgspec.json.encode({"tokens": found.ids, "count": len(found.ids), "max_model_len": context_length, "model": model})
