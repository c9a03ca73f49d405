"""LMX's API as an OpenAPI 3.1 document, made from the Structs of the request bodies. `docs/lmx-openapi.json` is generated from it."""

from typing import Any

import msgspec

from ..api import completions, embeddings, tokenize
from ..api.chat.request import ChatRequest
from ..api.messages.request import CountRequest, MessagesRequest
from ..api.responses.request import ResponsesRequest
from . import admin, pairing

REQUESTS: dict[str, Any] = {
    "/v1/chat/completions": ChatRequest,
    "/v1/completions": completions.CompletionRequest,
    "/v1/responses": ResponsesRequest,
    "/v1/messages": MessagesRequest,
    "/v1/messages/count_tokens": CountRequest,
    "/v1/embeddings": embeddings.EmbeddingsRequest,
    "/v1/tokenize": tokenize.TokenizeRequest,
    "/admin/models/load": admin.LoadRequest,
    "/admin/models/unload": admin.UnloadRequest,
    "/admin/models/available": admin.AvailableRequest,
    "/admin/models/pull": admin.PullRequest,
    "/admin/models/pull/pause": admin.PauseRequest,
    "/admin/keys": admin.AddKeyRequest,
    "/admin/keys/remove": admin.RemoveKeyRequest,
    "/admin/pairing": pairing.BeginRequest,
    "/pair": pairing.PairRequest,
}
READS = {
    "/healthz": "The process is alive.",
    "/proof": "Proof that this LMX knows this home's key: an HMAC of `n` and of the port.",
    "/readyz": "Whether a model is loaded; if not, why.",
    "/status": "What the status page shows: models, memory, requests, speed, and totals per client.",
    "/metrics": "Metrics in Prometheus' text format.",
    "/v1/models": "Every model that can answer.",
    "/admin/models": "Every model with its state and figures, memory, and downloads.",
}
# Errors that any request can get.
ERRORS = {
    "400": "The request is invalid; the message names the field.",
    "401": "A key is needed.",
    "403": "This Host, Origin or key is not allowed.",
    "404": "Not found.",
    "405": "The path does not accept this method.",
    "409": "It exists already, or is in progress.",
    "413": "The body is too large.",
    "429": "Too many requests; Retry-After says when to try again.",
    "503": "Temporarily unavailable; Retry-After says when to try again.",
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
        "responses": {success: {"description": "OK"}, **{status: {"description": said} for status, said in ERRORS.items()}},
    }
    if body is not None:
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    return operation
