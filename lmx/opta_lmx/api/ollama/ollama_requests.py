"""The bodies of Ollama's API, and the orders that they become. `ollama_answers` has the answers."""

from typing import Annotated, Any

import msgspec

from opta_core.errors import Refused

from ...ipc.messages import Embed, Generate
from ...json_values import as_list, as_object
from .. import schema_limits
from ..chat.message import message_of
from ..content import content_of
from ..embeddings import EmbeddingsRequest
from ..embeddings import order_of as embeddings_order_of
from ..field_rules import MODEL, FieldRule, done, ignored, read, refused
from ..picture import add_picture
from ..request_body import (
    DEFAULT_MAX_TOKENS,
    MAX_TOKENS_MAX,
    MESSAGES_MAX,
    ClientBody,
    Ignored,
    ModelName,
    Penalty,
    Seed,
    Share,
    Temperature,
    chosen_of,
    seed_of,
    stop_strings,
)  # fmt: skip
from ..thinking import said_by, thinking_of
from ..tool_set import ToolSet, tool_set


class OllamaOptions(ClientBody, frozen=True, kw_only=True):
    """`options`: sampling. Others, such as the sizes of contexts and batches, are those of the loaded model."""

    num_predict: int | None = None
    temperature: Temperature | None = None
    top_k: Annotated[int, msgspec.Meta(ge=0)] | None = None
    top_p: Share | None = None
    min_p: Share | None = None
    seed: Seed | None = None
    stop: str | list[str] | None = None
    repeat_penalty: Annotated[float, msgspec.Meta(ge=0, le=2)] | None = None
    presence_penalty: Penalty | None = None
    frequency_penalty: Penalty | None = None


class OllamaBody(ClientBody, frozen=True, kw_only=True):
    """What the bodies of /api/chat and /api/generate share."""

    model: ModelName = ""
    stream: bool = True
    format: str | dict[str, Any] | None = None
    options: dict[str, Any] | None = None
    think: bool | str | None = None


class OllamaChatRequest(OllamaBody, frozen=True, kw_only=True):
    """The body of /api/chat."""

    messages: Annotated[list[dict[str, Any]], msgspec.Meta(max_length=MESSAGES_MAX)] = msgspec.field(default_factory=list[dict[str, Any]])
    tools: list[dict[str, Any]] | None = None


class OllamaGenerateRequest(OllamaBody, frozen=True, kw_only=True):
    """The body of /api/generate."""

    prompt: str = ""
    system: str = ""
    raw: bool = False
    images: list[str] | None = None


class OllamaEmbedRequest(ClientBody, frozen=True, kw_only=True):
    """The body of /api/embed, and of its older form /api/embeddings with `prompt`."""

    model: ModelName = ""
    input: str | list[str] | None = None
    prompt: str | None = None
    dimensions: Annotated[int, msgspec.Meta(ge=1, le=65_536)] | None = None


_KEEP_ALIVE = ignored("`lmx.idle-s` unloads unused models")
_BODY_RULES: dict[str, FieldRule] = {
    "model": MODEL,
    "stream": done("on by default"),
    "format": done("json, or a JSON schema", unset=("",)),
    "options": done(
        "`num_predict`, `temperature`, `top_k`, `top_p`, `min_p`, `seed`, `stop`, `repeat_penalty`, `presence_penalty`, `frequency_penalty`;"
        " others are named"
    ),
    "think": done("a switch, or an effort"),
    "keep_alive": _KEEP_ALIVE,
}
CHAT_RULES: dict[str, FieldRule] = {
    **_BODY_RULES,
    "messages": done("none: the model is loaded; `images` in base64 for models that see"),
    "tools": done(),
}
GENERATE_RULES: dict[str, FieldRule] = {
    **_BODY_RULES,
    "prompt": done("none: the model is loaded"),
    "system": done(),
    "raw": done("the prompt goes on without a chat template"),
    "images": done("in base64, for models that see", unset=([],)),
    "suffix": refused("this model continues a text and cannot fill a gap.", unless=("",)),
    "template": refused("the model's own chat template is used. Send the finished text with raw: true.", unless=("",)),
    "context": ignored("send the conversation to /api/chat"),
}
EMBED_RULES: dict[str, FieldRule] = {
    "model": MODEL,
    "input": done("a text, or a list of them"),
    "prompt": done("a text, in the older form"),
    "dimensions": done("as far as the model has them"),
    "truncate": ignored("a text that is too long is refused"),
    "options": ignored(),
    "keep_alive": _KEEP_ALIVE,
}
_OPTION_RULES: dict[str, FieldRule] = {
    name: done(unset=(-1, -2) if name in ("num_predict", "seed") else (), most=MAX_TOKENS_MAX if name == "num_predict" else None)
    for name in OllamaOptions.__struct_fields__
}


def chat_order(request: OllamaChatRequest, found: Ignored) -> tuple[Generate, ToolSet]:
    """(the order, its tools) of /api/chat. Raises Refused naming the field."""
    messages = [_message(at, message, found) for at, message in enumerate(request.messages)]
    tools = tool_set(request.tools, None, found)
    return _order(request, messages, tools, found), tools


def generate_order(request: OllamaGenerateRequest, found: Ignored) -> Generate:
    """The order of /api/generate. Raises Refused naming the field."""
    if request.raw and request.images:
        raise Refused("Field 'images': a raw prompt has no pictures; send the messages to /api/chat.")
    if request.raw:
        return msgspec.structs.replace(_order(request, [], ToolSet(), found), prompt=request.prompt)
    system = [{"role": "system", "content": request.system}] if request.system else []
    asked: Any = request.prompt
    if request.images:
        asked = content_of("images", _with_images("images", [*request.images], request.prompt, found), found)
    return _order(request, [*system, {"role": "user", "content": asked}], ToolSet(), found)


def embed_order(request: OllamaEmbedRequest) -> Embed:
    """The order of /api/embed and /api/embeddings. Raises Refused naming the field."""
    given = request.input if request.input is not None else request.prompt
    if given is None:
        raise Refused("Field 'input': a text, or a list of them.")
    return embeddings_order_of(EmbeddingsRequest(input=given if isinstance(given, str) else [*given]))


def _order(request: OllamaBody, messages: list[dict[str, Any]], tools: ToolSet, found: Ignored) -> Generate:
    options = _options(request.options or {}, found)
    limit = options.num_predict
    if limit is not None and limit < 1:
        raise Refused("Field 'options.num_predict': 1 or more tokens, or -1.")
    switch, budget, effort = said_by("think", request.think)
    return Generate(
        id=0,
        messages=messages,
        pictures=found.pictures,
        tools=tools.shown(),
        strict=tools.strict(),
        stop=stop_strings("options.stop", options.stop),
        seed=seed_of(options.seed),
        schema=_schema(request.format, found),
        **chosen_of(
            DEFAULT_MAX_TOKENS,
            max_tokens=limit,
            temperature=options.temperature,
            top_p=options.top_p,
            top_k=options.top_k,
            min_p=options.min_p,
            repetition_penalty=options.repeat_penalty or None,
            presence_penalty=options.presence_penalty,
            frequency_penalty=options.frequency_penalty,
        ),
        **thinking_of(found, switch=switch, budget=budget, effort=effort).fields(),
    )


def _options(given: dict[str, Any], found: Ignored) -> OllamaOptions:
    """Raises Refused naming the option."""
    inner = Ignored()
    options = read(given, OllamaOptions, _OPTION_RULES, inner)
    for name in inner.names:
        found.add(f"options.{name}")
    return options


def _schema(form: str | dict[str, Any] | None, found: Ignored) -> dict[str, Any] | None:
    if form is None:
        return None
    if isinstance(form, str):
        if form != "json":
            raise Refused(f"Field 'format': it is json or a JSON schema, not {form[:40]!r}.")
        return {"type": "object"}
    schema_limits.admit("format", form, found)
    return form


def _message(at: int, message: dict[str, Any], found: Ignored) -> dict[str, Any]:
    """A message in the chat form: calls have no ids here, so a result belongs to the last call of its tool."""
    if images := as_list(message.get("images")):
        message = {**message, "content": _with_images(f"messages[{at}].images", images, message.get("content"), found)}
    calls = [as_object(call) or {} for call in as_list(message.get("tool_calls")) or []]
    numbered = [{"id": _call_id(at, number, call), **call} for number, call in enumerate(calls)]
    return message_of(at, {**message, "tool_calls": numbered} if numbered else message, found)


def _with_images(where: str, images: list[Any], text: Any, found: Ignored) -> list[Any]:
    """The parts of a message: Ollama shows a model its images before its text. Raises Refused naming the field."""
    if found.blindness:
        raise Refused(f"Field '{where}': {found.blindness}.")
    if not all(isinstance(image, str) for image in images):
        raise Refused(f"Field '{where}': each image is a text in base64.")
    parts: list[Any] = [add_picture(where, image, found) for image in images]
    return [*parts, text] if isinstance(text, str) and text else parts


def _call_id(at: int, number: int, call: dict[str, Any]) -> str:
    name = (as_object(call.get("function")) or {}).get("name")
    return str(name or f"call_{at}_{number}")
