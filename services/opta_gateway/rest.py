"""The REST application: FastAPI with our routes, our errors and our form of answers. Imported late (see `__main__`)."""

from fastapi import FastAPI, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from opta_core.errors import OptaError, Refused, Unavailable
from opta_core.version import VERSION
from opta_protocol.error_info import ErrorCode

from .app import Gateway
from .error_responses import problem_of
from .routes import (
    accounts,
    artifacts,
    command_list,
    daemon,
    extensions,
    folders,
    forks,
    found_models,
    lmx,
    lmx_hosts,
    mcp,
    models,
    path_matches,
    permissions,
    policy,
    providers,
    questions,
    recovery,
    session_worktree,
    sessions,
    setting_values,
    steering,
    trashed,
    triage,
    turns,
    undo,
    uploads,
    usage,
)

_CODES = {404: ErrorCode.not_found, 405: ErrorCode.method_not_allowed}
_MESSAGES = {404: "There is nothing at this path.", 405: "This path does not take this method."}


def build(gateway: Gateway | None) -> FastAPI:
    """The application; without a gateway only its OpenAPI document can be used."""
    app = FastAPI(title="Opta daemon", version=VERSION, docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    app.state.gateway = gateway
    for module in (
        sessions,
        trashed,
        folders,
        turns,
        steering,
        forks,
        undo,
        triage,
        recovery,
        session_worktree,
        permissions,
        questions,
        policy,
        models,
        found_models,
        providers,
        lmx,
        lmx_hosts,
        mcp,
        accounts,
        setting_values,
        artifacts,
        uploads,
        command_list,
        extensions,
        path_matches,
        usage,
        daemon,
    ):
        # Not include_router, which matches a path in two steps: 30 microseconds a request.
        app.router.routes.extend(module.routes.routes)
    app.add_exception_handler(OptaError, _on_opta_error)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(Exception, _on_bug)
    return app


async def _on_opta_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, OptaError)
    status, headers, body = problem_of(error)
    return Response(body, status, {name.decode(): value.decode() for name, value in headers})


async def _on_bug(request: Request, error: Exception) -> Response:
    # Starlette raises the error again after this answer, and `Gateway` logs it.
    return await _on_opta_error(
        request, Unavailable("The daemon failed on this request. The log has more: opta daemon logs.", retryable=False)
    )


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    message = _MESSAGES.get(error.status_code, str(error.detail))
    return await _on_opta_error(request, Refused(message, code=_CODES.get(error.status_code, ErrorCode.bad_request)))
