"""/v1/responses in OpenAI's form: the request. `answer` has the answers, `input_items` the items of the input.

The form is that of platform.openai.com, "Responses". Nothing is stored, so a request brings its whole conversation.
"""

from typing import Annotated, Any

import msgspec

from ...ipc.messages import Generate
from ..answer_schema import schema_of
from ..chat import request as chat
from ..field_rules import COMMON, GRAMMARS, MAX_TOKENS, MODEL, SAMPLING, SERVICE_TIER, FieldRule, done, ignored, refused
from ..request_body import MESSAGES_MAX, ClientBody, Ignored, MaxTokens, ModelName, Share, Temperature
from ..tool_set import ToolSet, tool_set
from .input_items import conversation_of


class ResponsesText(ClientBody, frozen=True, kw_only=True):
    """`text`: the form of the answer."""

    format: dict[str, Any] | None = None
    verbosity: str | None = None


class ResponsesRequest(ClientBody, frozen=True, kw_only=True):
    """The body of /v1/responses."""

    input: str | Annotated[list[str | dict[str, Any]], msgspec.Meta(min_length=1, max_length=MESSAGES_MAX)]
    model: ModelName = ""
    instructions: str | list[dict[str, Any]] | None = None
    tools: list[dict[str, Any]] = msgspec.field(default_factory=list[dict[str, Any]])
    tool_choice: str | dict[str, Any] = "auto"
    parallel_tool_calls: bool | None = None
    text: ResponsesText | None = None
    # As /v1/chat/completions has it; some clients send it here too.
    response_format: dict[str, Any] | None = None
    max_output_tokens: MaxTokens | None = None
    temperature: Temperature | None = None
    top_p: Share | None = None
    stream: bool = False
    reasoning: dict[str, Any] | None = None
    chat_template_kwargs: dict[str, Any] | None = None
    # Comes back in the answer.
    metadata: dict[str, Any] | None = None
    service_tier: str | None = None


_STORED = "LMX stores no responses. Send the whole conversation in `input`."
RULES: dict[str, FieldRule] = {
    "input": done(
        "a text, or items: messages, calls and results of functions, custom tools and local shells, reasoning; pictures as data URLs for models that see"
    ),
    "model": MODEL,
    "instructions": done(),
    "tools": done("functions, custom tools and namespaces of functions; other kinds are dropped and named"),
    "tool_choice": done("auto, none, required, a named function, `allowed_tools`"),
    "parallel_tool_calls": done(),
    "text": done("`format`; `verbosity` is ignored and named"),
    "response_format": done("as `text.format`, which has precedence"),
    "max_output_tokens": MAX_TOKENS,
    "temperature": SAMPLING["temperature"],
    "top_p": SAMPLING["top_p"],
    "stream": done(),
    "reasoning": done("`effort`"),
    "chat_template_kwargs": done("variables for the model's chat template"),
    "service_tier": SERVICE_TIER,
    **GRAMMARS,
    "previous_response_id": refused(_STORED, unless=("",)),
    "conversation": refused(_STORED, unless=("",)),
    "prompt": refused("LMX stores no prompts. Send the text in `instructions` and `input`.", unless=({},)),
    "background": refused("an answer is made while its client waits.", unless=(False,)),
    **COMMON,
    "metadata": done("comes back in the answer"),
    "include": ignored("reasoning comes as text, and nothing else is stored"),
    "truncation": ignored("a conversation that is too long is refused"),
    "max_tool_calls": ignored("the client runs the tools"),
    "top_logprobs": ignored(),
    "stream_options": ignored(),
    "context_management": ignored("the conversation stays as the client sends it"),
    "client_metadata": ignored(),
    "prompt_cache_options": ignored(),
}


def tools_of(request: ResponsesRequest, found: Ignored) -> ToolSet:
    """The tools of a request. Raises Refused naming the field."""
    return tool_set(request.tools, request.tool_choice, found, has_free_text=True)


def order_of(request: ResponsesRequest, tools: ToolSet, found: Ignored) -> Generate:
    """The order for the engine, by way of the chat request with the same meaning. Raises Refused naming the field."""
    if request.text is not None and request.text.verbosity is not None:
        found.add("text.verbosity")
    return chat.order_of(
        chat.ChatRequest(
            messages=conversation_of(request.instructions, request.input, tools, found),
            parallel_tool_calls=request.parallel_tool_calls,
            response_format=_format(request),
            max_tokens=request.max_output_tokens,
            temperature=request.temperature,
            top_p=request.top_p,
            reasoning=request.reasoning,
            chat_template_kwargs=request.chat_template_kwargs,
            service_tier=request.service_tier,
        ),
        tools,
        found,
    )


def _format(request: ResponsesRequest) -> dict[str, Any] | None:
    """`text.format`, or `response_format`; checked under its own name first. Raises Refused."""
    wanted = request.text.format if request.text else None
    field = "text.format" if wanted is not None else "response_format"
    wanted = wanted if wanted is not None else request.response_format
    schema_of(field, wanted, Ignored())
    return wanted
