"""LMX's API as an OpenAPI 3.1 document, made from the Structs that read the requests; `docs/lmx-openapi.json` is this text."""

from typing import Any

import msgspec

from ..api import completions, embeddings
from ..api.chat import request as chat
from ..api.messages import request as messages
from ..api.responses import request as responses
from . import admin, pairing

REQUESTS: dict[str, Any] = {
    "/v1/chat/completions": chat.ChatRequest,
    "/v1/completions": completions.CompletionRequest,
    "/v1/responses": responses.ResponsesRequest,
    "/v1/messages": messages.MessagesRequest,
    "/v1/messages/count_tokens": messages.CountRequest,
    "/v1/embeddings": embeddings.EmbeddingsRequest,
    "/v1/tokenize": embeddings.TokenizeRequest,
    "/admin/models/load": admin.LoadRequest,
    "/admin/models/unload": admin.UnloadRequest,
    "/admin/models/available": admin.AvailableRequest,
    "/admin/models/pull": admin.PullRequest,
    "/admin/keys": admin.AddKeyRequest,
    "/admin/keys/remove": admin.RemoveKeyRequest,
    "/admin/pairing": pairing.BeginRequest,
    "/pair": pairing.PairRequest,
}
READS = {
    "/healthz": "The process lives.",
    "/proof": "Whoever answers here knows this home's key: an HMAC of `n` and of the port.",
    "/readyz": "A model is loaded, or why none is.",
    "/metrics": "Prometheus figures.",
    "/v1/models": "Every model that can be asked.",
    "/admin/models": "The same, with memory, states and downloads.",
}
# What any request can be answered with besides success.
ERRORS = {
    "400": "The request is wrong; the message names the field.",
    "401": "A key is needed.",
    "403": "This Host, page or key may not.",
    "404": "There is no such thing here.",
    "405": "Not with this method.",
    "409": "It is there, or under way.",
    "413": "The body is too large.",
    "429": "Too many requests; Retry-After says when to come again.",
    "503": "Not now; Retry-After says when to come again.",
}


def description() -> dict[str, Any]:
    """The document."""
    bodies, components = msgspec.json.schema_components(list(REQUESTS.values()), ref_template="#/components/schemas/{name}")
    paths: dict[str, Any] = {path: {"get": _operation(text)} for path, text in READS.items()}
    for (path, kind), body in zip(REQUESTS.items(), bodies, strict=True):
        text = (kind.__doc__ or "").strip().splitlines()[0]
        paths[path] = {"post": _operation(text, "202" if path == "/admin/models/pull" else "200", body)}
    return {
        "openapi": "3.1.0",
        "info": {"title": "LMX", "version": "1", "description": "OpenAI-compatible inference on MLX, with Anthropic's Messages beside it."},
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}}},
        "security": [{}, {"key": []}],
    }


def _operation(text: str, success: str = "200", body: Any = None) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "summary": text,
        "responses": {success: {"description": "Done."}, **{status: {"description": said} for status, said in ERRORS.items()}},
    }
    if body is not None:
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    return operation
