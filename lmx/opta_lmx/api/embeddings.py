"""/v1/embeddings in OpenAI's form: texts as vectors."""

import base64
import math
import struct
from typing import Annotated, Literal

import msgspec

from opta_core.errors import Refused

from ..ipc.messages import Embed, Vectors
from .field_rules import COMMON, MODEL, FieldRule, done, ignored
from .request_body import ClientBody, ModelName

TEXTS_MAX, TEXT_CHARS_MAX = 256, 1_000_000


class EmbeddingsRequest(ClientBody, frozen=True, kw_only=True):
    """The body of /v1/embeddings."""

    input: str | list[str | int | list[int]]
    model: ModelName = ""
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: Annotated[int, msgspec.Meta(ge=1, le=65_536)] | None = None


RULES: dict[str, FieldRule] = {
    "input": done(f"a text, or up to {TEXTS_MAX}; token ids are refused: they are those of another model's tokenizer"),
    "model": MODEL,
    "encoding_format": done("float or base64"),
    "dimensions": done("as far as the model has them"),
    "input_type": ignored("prefix the texts as the model's description says"),
    "truncate": ignored("a text that is too long is refused"),
    **COMMON,
}


def order_of(request: EmbeddingsRequest) -> Embed:
    """The order for the engine. Raises Refused naming the field."""
    given = [request.input] if isinstance(request.input, str) else request.input
    texts = [text for text in given if isinstance(text, str)]
    if len(texts) < len(given):
        raise Refused(
            "Field 'input': it holds token ids, which are those of another model's tokenizer. Send texts"
            " (langchain: check_embedding_ctx_length=False)."
        )
    if not 1 <= len(texts) <= TEXTS_MAX or any(not 1 <= len(text) <= TEXT_CHARS_MAX for text in texts):
        raise Refused(f"Field 'input': 1 to {TEXTS_MAX} texts of 1 to {TEXT_CHARS_MAX} characters.")
    return Embed(id=0, texts=texts)


def body_of(request: EmbeddingsRequest, model: str, found: Vectors) -> bytes:
    """The JSON body. Raises Refused: the model has fewer dimensions than requested."""
    vectors = [_shortened(vector, request.dimensions) for vector in found.vectors]
    is_text = request.encoding_format == "base64"
    data = [{"object": "embedding", "index": at, "embedding": vector if is_text else _numbers(vector)} for at, vector in enumerate(vectors)]
    usage = {"prompt_tokens": found.prompt_tokens, "total_tokens": found.prompt_tokens}
    return msgspec.json.encode({"object": "list", "model": model, "data": data, "usage": usage})


def vectors_of(found: Vectors, dimensions: int | None) -> list[list[float]]:
    """The vectors as numbers. Raises Refused: the model has fewer dimensions than requested."""
    return [_numbers(_shortened(vector, dimensions)) for vector in found.vectors]


def _numbers(vector: str) -> list[float]:
    content = base64.b64decode(vector)
    return list(struct.unpack(f"<{len(content) // 4}f", content))


def _shortened(vector: str, dimensions: int | None) -> str:
    """The first dimensions, scaled to length 1 again, as models with Matryoshka training allow."""
    if dimensions is None:
        return vector
    numbers = _numbers(vector)
    if dimensions > len(numbers):
        raise Refused(f"Field 'dimensions': this model has {len(numbers)}.")
    kept = numbers[:dimensions]
    length = math.sqrt(sum(number * number for number in kept)) or 1.0
    return base64.b64encode(struct.pack(f"<{dimensions}f", *(number / length for number in kept))).decode()
