"""/v1/chat/completions in OpenAI's form: the request. `answer` has the answers, `message` the messages."""

from typing import Annotated, Any

import msgspec

from opta_core.errors import Refused

from ...ipc.messages import Generate
from .. import schema_limits
from ..answer_schema import schema_of
from ..field_rules import COMMON, GRAMMARS, MAX_TOKENS, MODEL, SAMPLING, SERVICE_TIER, FieldRule, done, ignored, refused
from ..request_body import (
    DEFAULT_MAX_TOKENS,
    MESSAGES_MAX,
    ClientBody,
    Ignored,
    MaxTokens,
    ModelName,
    Penalty,
    Seed,
    Share,
    StreamOptions,
    Temperature,
    chosen_of,
    seed_of,
    stop_strings,
)  # fmt: skip
from ..thinking import ThinkingOptions, said_by, template_arguments, thinking_of
from ..tool_set import ToolSet, tool_set
from .message import message_of


class ChatRequest(ClientBody, frozen=True, kw_only=True):
    """The body of /v1/chat/completions."""

    messages: Annotated[list[dict[str, Any]], msgspec.Meta(min_length=1, max_length=MESSAGES_MAX)]
    model: ModelName = ""
    stream: bool = False
    stream_options: StreamOptions | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: str | dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    response_format: dict[str, Any] | str | None = None
    guided_json: dict[str, Any] | None = None
    max_tokens: MaxTokens | None = None
    max_completion_tokens: MaxTokens | None = None
    temperature: Temperature | None = None
    top_p: Share | None = None
    top_k: Annotated[int, msgspec.Meta(ge=-1)] | None = None
    min_p: Share | None = None
    stop: str | list[str] | None = None
    seed: Seed | None = None
    logit_bias: Annotated[dict[str, Annotated[float, msgspec.Meta(ge=-100, le=100)]], msgspec.Meta(max_length=1024)] | None = None
    repetition_penalty: Annotated[float, msgspec.Meta(ge=0, le=2)] | None = None
    repeat_penalty: Annotated[float, msgspec.Meta(ge=0, le=2)] | None = None
    presence_penalty: Penalty | None = None
    frequency_penalty: Penalty | None = None
    logprobs: bool | Annotated[int, msgspec.Meta(ge=0, le=20)] | None = None
    top_logprobs: Annotated[int, msgspec.Meta(ge=-1, le=20)] | None = None
    n: Annotated[int, msgspec.Meta(ge=1, le=4)] | None = None
    reasoning_effort: str | None = None
    reasoning: dict[str, Any] | str | bool | None = None
    thinking: dict[str, Any] | str | bool | None = None
    think: bool | str | None = None
    enable_thinking: bool | None = None
    thinking_budget: int | None = None
    chat_template_kwargs: dict[str, Any] | str | None = None
    service_tier: str | None = None


_FUNCTIONS = "this older form of tools is not served. Send tools and tool_choice."
RULES: dict[str, FieldRule] = {
    "messages": done(
        "roles system (anywhere), developer, user, assistant, tool and function; text parts; reasoning of earlier turns; pictures as data URLs for models that see"
    ),
    "model": MODEL,
    "stream": done(),
    "stream_options": done("`include_usage`"),
    "tools": done("functions; other kinds are dropped and named"),
    "tool_choice": done("auto, none, required, `any`, a named function, `allowed_tools`"),
    "parallel_tool_calls": done(),
    "response_format": done("text, json_object (with or without a schema), json_schema; a bare word, and a schema beside the type, too"),
    "guided_json": done("as a json_schema of `response_format`"),
    "max_tokens": MAX_TOKENS,
    "max_completion_tokens": MAX_TOKENS,
    **SAMPLING,
    "repeat_penalty": done("as `repetition_penalty`", unset=(0,)),
    "stop": done(),
    "logit_bias": done(),
    "logprobs": done(),
    "top_logprobs": done("without `logprobs` it is ignored and named", unset=(-1,)),
    "n": done("1 to 4"),
    "reasoning_effort": done("none switches thinking off; xhigh and max are high"),
    "reasoning": done("`effort`, `enabled`, `max_tokens`"),
    "thinking": done("enabled, disabled or adaptive, with a budget"),
    "think": done("a switch, or an effort"),
    "enable_thinking": done(),
    "thinking_budget": done("0 switches thinking off; when so many tokens are spent, the reasoning is ended and the answer follows"),
    "chat_template_kwargs": done("variables for the model's chat template, `enable_thinking` and `reasoning_effort` among them"),
    "service_tier": SERVICE_TIER,
    **GRAMMARS,
    "functions": refused(_FUNCTIONS, unless=([],)),
    "function_call": refused(_FUNCTIONS, unless=("auto", "none")),
    "modalities": refused("this model answers with text only.", unless=(["text"], [])),
    "audio": refused("this model answers with text only.", unless=({},)),
    "ignore_eos": refused("an answer ends where the model ends it.", unless=(False,)),
    "min_tokens": refused("an answer ends where the model ends it.", unless=(0,)),
    **COMMON,
    "verbosity": ignored(),
    "prediction": ignored(),
    "web_search_options": ignored("nothing is searched"),
    "cache_prompt": ignored("every shared prefix is cached"),
}


def orders_of(request: ChatRequest, found: Ignored) -> list[Generate]:
    """One order for each of the `n` choices. Raises Refused naming the field."""
    order = order_of(request, tools_of(request, found), found)
    if order.seed is None:
        return [order] * (request.n or 1)
    return [msgspec.structs.replace(order, seed=order.seed + at) for at in range(request.n or 1)]


def tools_of(request: ChatRequest, found: Ignored) -> ToolSet:
    """The tools of a request. Raises Refused naming the field."""
    return tool_set(request.tools, request.tool_choice, found)


def order_of(request: ChatRequest, tools: ToolSet, found: Ignored) -> Generate:
    """The order for one choice. Raises Refused naming the field."""
    stop = stop_strings("stop", request.stop)
    schema = _schema(request, found)
    if schema is not None and tools.forced:
        raise Refused("Field 'response_format': an answer cannot be both a required tool call and JSON of a schema.")
    if request.top_logprobs is not None and _alternatives(request) < 0:
        found.add("top_logprobs")
    if request.service_tier not in (None, "flex"):
        found.add("service_tier")
    if any(not token.isdecimal() or len(token) > 9 for token in request.logit_bias or {}):
        raise Refused("Field 'logit_bias': its keys are token ids.")
    return Generate(
        id=0,
        messages=[message_of(at, message, found) for at, message in enumerate(request.messages)],
        pictures=found.pictures,
        tools=tools.shown(),
        stop=stop,
        seed=seed_of(request.seed),
        logit_bias=request.logit_bias or {},
        logprobs=_alternatives(request),
        schema=schema,
        forced=tools.forced,
        many_calls=tools.forced == "*" and request.parallel_tool_calls is True,
        strict=tools.strict(),
        one_call=request.parallel_tool_calls is False,
        **chosen_of(
            DEFAULT_MAX_TOKENS,
            max_tokens=request.max_completion_tokens or request.max_tokens,
            temperature=request.temperature,
            top_p=request.top_p,
            top_k=request.top_k,
            min_p=request.min_p,
            repetition_penalty=request.repetition_penalty or request.repeat_penalty,
            presence_penalty=request.presence_penalty,
            frequency_penalty=request.frequency_penalty,
        ),
        **_thinking(request, found).fields(),
    )


def _thinking(request: ChatRequest, found: Ignored) -> ThinkingOptions:
    """All that a request says about thinking. Raises Refused naming the field."""
    sources = [said_by(name, getattr(request, name)) for name in ("reasoning", "thinking", "think")]
    switch = next((switch for switch, _, _ in sources if switch is not None), request.enable_thinking)
    budget = next((budget for _, budget, _ in sources if budget is not None), request.thinking_budget)
    effort = request.reasoning_effort or next((effort for _, _, effort in sources if effort), None)
    return thinking_of(found, effort=effort, switch=switch, budget=budget, arguments=template_arguments(request.chat_template_kwargs))


def _schema(request: ChatRequest, found: Ignored) -> dict[str, Any] | None:
    if (schema := schema_of("response_format", request.response_format, found)) is None and request.guided_json is not None:
        schema_limits.admit("guided_json", request.guided_json, found)
        return request.guided_json
    return schema


def _alternatives(request: ChatRequest) -> int:
    """How many alternatives to report with each token; -1: report nothing. A number in `logprobs` is that of the older form."""
    if isinstance(request.logprobs, bool) or request.logprobs is None:
        return (request.top_logprobs or 0) if request.logprobs else -1
    return request.logprobs
