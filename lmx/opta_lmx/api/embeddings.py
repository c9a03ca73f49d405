"""/v1/embeddings in OpenAI's form, and /v1/tokenize: texts as vectors, and as tokens."""

import base64
import math
import struct
from typing import Annotated, Any, Literal

import msgspec

from opta_core.errors import Refused

from ..ipc.messages import Embed, Tokenize, Vectors
from .chat import request as chat

TEXTS_MAX, TEXT_CHARS_MAX = 256, 1_000_000


class EmbeddingsRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of /v1/embeddings."""

    input: str | list[str]
    model: Annotated[str, msgspec.Meta(max_length=200)] = ""
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: Annotated[int, msgspec.Meta(ge=1, le=65_536)] | None = None
    user: str | None = None


class TokenizeRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of /v1/tokenize: a text, or a conversation as the model's template renders it."""

    prompt: str | None = None
    messages: Annotated[list[dict[str, Any]], msgspec.Meta(max_length=chat.MESSAGES_MAX)] | None = None
    tools: Annotated[list[chat.Tool], msgspec.Meta(max_length=chat.TOOLS_MAX)] | None = None
    model: Annotated[str, msgspec.Meta(max_length=200)] = ""


def order_of(request: EmbeddingsRequest) -> Embed:
    """The request as the engine takes it. Raises Refused naming the field."""
    texts = [request.input] if isinstance(request.input, str) else request.input
    if not 1 <= len(texts) <= TEXTS_MAX or any(not 1 <= len(text) <= TEXT_CHARS_MAX for text in texts):
        raise Refused(f"Field 'input': 1 to {TEXTS_MAX} texts of 1 to {TEXT_CHARS_MAX} characters.")
    return Embed(id=0, texts=texts)


def tokenize_order_of(request: TokenizeRequest) -> Tokenize:
    """The request as the engine takes it. Raises Refused naming the field."""
    if (request.prompt is None) == (request.messages is None):
        raise Refused("Field 'prompt': give a prompt or messages, one of them.")
    if request.messages is None:
        return Tokenize(id=0, text=request.prompt or "")
    if not request.messages:
        raise Refused("Field 'messages': at least one.")
    messages = [chat.message_of(at, message) for at, message in enumerate(request.messages)]
    return Tokenize(id=0, messages=messages, tools=[msgspec.to_builtins(tool) for tool in request.tools or []])


def body_of(request: EmbeddingsRequest, model: str, found: Vectors) -> bytes:
    """The answer. Raises Refused: more dimensions are asked for than the model has."""
    vectors = [_shortened(vector, request.dimensions) for vector in found.vectors]
    data = [
        {"object": "embedding", "index": at, "embedding": vector if request.encoding_format == "base64" else _numbers(vector)}
        for at, vector in enumerate(vectors)
    ]
    usage = {"prompt_tokens": found.prompt_tokens, "total_tokens": found.prompt_tokens}
    return msgspec.json.encode({"object": "list", "model": model, "data": data, "usage": usage})


def _numbers(vector: str) -> list[float]:
    content = base64.b64decode(vector)
    return list(struct.unpack(f"<{len(content) // 4}f", content))


def _shortened(vector: str, dimensions: int | None) -> str:
    """The first dimensions alone, of length 1 again: what models that are trained so (Matryoshka) allow."""
    if dimensions is None:
        return vector
    numbers = _numbers(vector)
    if dimensions > len(numbers):
        raise Refused(f"Field 'dimensions': this model has {len(numbers)}.")
    kept = numbers[:dimensions]
    length = math.sqrt(sum(number * number for number in kept)) or 1.0
    return base64.b64encode(struct.pack(f"<{dimensions}f", *(number / length for number in kept))).decode()
