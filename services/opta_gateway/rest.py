"""The REST application: FastAPI with our bodies, our errors and our schema. Imported late (see `app`)."""

from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from fastapi import FastAPI, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from opta_core.errors import OptaError, Refused, Unavailable
from opta_core.version import VERSION
from opta_http import json_body
from opta_protocol.errors import ErrorCode

from .error_responses import problem_of

if TYPE_CHECKING:
    from .app import Gateway

T = TypeVar("T")


def build(gateway: "Gateway | None") -> FastAPI:
    """The application; without a gateway only its schema can be used."""
    from .routes import accounts, artifacts, daemon, lmx, mcp, models, permissions, policy, sessions, turns, undo

    app = FastAPI(title="Opta daemon", version=VERSION, docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    app.state.gateway = gateway
    for module in (sessions, turns, undo, permissions, policy, models, lmx, mcp, accounts, artifacts, daemon):
        app.include_router(module.router)
    app.add_exception_handler(OptaError, _on_opta_error)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(Exception, _on_bug)
    return app


async def read_body(request: Request, kind: type[T]) -> T:
    """The request's body as `kind`. Raises Refused."""
    content = await request.body()
    declared = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content and declared != "application/json":
        raise Refused("Send JSON with Content-Type: application/json.", code=ErrorCode.unsupported_media_type)
    return json_body.read(content, kind)


def answer(body: Any, status: int = 200) -> Response:
    """A JSON answer of one of our Structs."""
    return Response(msgspec.json.encode(body), status, {"Cache-Control": "no-store"}, "application/json")


def gateway_of(request: Request) -> "Gateway":
    """What the routes share."""
    return request.app.state.gateway


def describes(response: type[Any], body: type[Any] | None = None, status: int = 200) -> dict[str, Any]:
    """OpenAPI of a route: its body and its answer by schema name."""
    found: dict[str, Any] = {"responses": {str(status): {"description": "OK", "content": _json(response)}}}
    if body is not None:
        found["requestBody"] = {"required": True, "content": _json(body)}
    return found


def _json(kind: type[Any]) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{kind.__name__}"}}}


async def _on_opta_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, OptaError)
    status, headers, body = problem_of(error)
    return Response(body, status, {name.decode(): value.decode() for name, value in headers})


async def _on_bug(request: Request, error: Exception) -> Response:
    # The error goes on to `Gateway`, which logs it.
    return await _on_opta_error(
        request, Unavailable("The daemon failed on this request. The log has more: opta daemon logs.", retryable=False)
    )


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    codes = {404: ErrorCode.not_found, 405: ErrorCode.method_not_allowed}
    words = {404: "There is nothing at this path.", 405: "This path does not take this method."}
    refused = Refused(words.get(error.status_code, str(error.detail)), code=codes.get(error.status_code, ErrorCode.bad_request))
    return await _on_opta_error(request, refused)
