"""How REST routes are declared: what a handler needs comes from its parameters, and what it answers from its return type.

A handler takes the gateway (`GatewayOf`), the body (`body`), and values of the query string (`number`, `text`, ...) as FastAPI
dependencies, and returns a Struct of `opta_protocol`, or a `Response` where the answer is no JSON. The OpenAPI document is made from
the same signature, so it cannot differ from what the route does.

`TypedRouter` calls these dependencies itself, in the order of the signature: they depend on nothing but the request, and FastAPI's
general search takes 15 microseconds for each of them. FastAPI sees the request and the parameters of the path.
"""

import asyncio
import functools
import inspect
import types
from collections.abc import Awaitable, Callable
from inspect import Signature
from typing import Annotated, Any, Generic, TypeVar, get_args

import msgspec
from fastapi import APIRouter, Depends, Request
from fastapi.params import Depends as Dependency
from fastapi.responses import Response

from opta_core.errors import Refused
from opta_core.secrets.vault import Vault
from opta_http import json_body
from opta_protocol.error_info import ErrorCode

from .app import Gateway
from .query import folder_of, number_of, seq_of
from .upload import Upload, read_upload

T = TypeVar("T")
UPLOADS_AT_ONCE = 4


def _gateway(request: Request) -> Gateway:
    return request.app.state.gateway


def _vault(request: Request) -> Vault:
    loaded = request.app.state.gateway.loaded
    return Vault(loaded.paths, allows_file=loaded.settings.vault_file)


GatewayOf = Annotated[Gateway, Depends(_gateway)]
# Its calls block: they belong in a thread.
VaultOf = Annotated[Vault, Depends(_vault)]


class TypedRouter(APIRouter):
    """The routes of one file."""

    def add_api_route(self, path: str, endpoint: Callable[..., Awaitable[Any]], **options: Any) -> None:  # type: ignore[override]
        """Register a handler; called by the decorators."""
        status = options.get("status_code") or 200
        signature = inspect.signature(endpoint)
        options |= {"status_code": status, "response_model": None, "openapi_extra": _describe(signature, status)}
        if signature.return_annotation is Response:
            options["response_class"] = Response
        super().add_api_route(path, _answering(endpoint, signature, status), **options)


def json_response(body: Any, status: int = 200) -> Response:
    """A Struct as an answer."""
    return Response(msgspec.json.encode(body), status, {"Cache-Control": "no-store"}, "application/json")


def body(kind: type[T]) -> T:
    """The request's body as `kind`. The handler is not called when it does not fit."""
    return Depends(_JsonBody(kind))  # type: ignore[return-value]


def text(name: str, default: str = "", chars_max: int = 200) -> str:
    """A text of the query string; what is longer is cut."""
    return _query(name, default, {"type": "string"}, lambda given: given[:chars_max])


def choice(name: str, default: str, *options: str) -> str:
    """One of several words of the query string."""

    def read(given: str) -> str:
        if given not in options:
            words = [option for option in options if option]
            allowed = " or ".join(words) if len(words) == 2 else f"one of {', '.join(words)}"
            raise Refused(f"{name} is {given[:40]!r}; it is {allowed}.")
        return given

    return _query(name, default, {"type": "string", "enum": list(options)}, read)


def flag(name: str) -> bool:
    """Whether the query string says `name=1`."""
    return _query(name, "", {"type": "string", "enum": ["", "1"]}, lambda given: given == "1")


def number(name: str, default: int, most: int) -> int:
    """A whole number of the query string; a larger one than `most` is `most`."""
    return _query(name, str(default), {"type": "integer", "minimum": 0, "maximum": most}, lambda given: number_of(given, name, most))


def seq(name: str) -> int | None:
    """A seq of the query string; None without the parameter."""
    return _query(name, None, {"type": "integer", "minimum": 0}, seq_of)


def folder() -> str:
    """The folder that `cwd` names; the parameter has to be there."""
    return _query("cwd", "", {"type": "string", "pattern": "^/"}, folder_of, is_required=True)


def upload() -> Upload:
    """A file in the request's body. The handler is not called when there is none."""
    return Depends(_FileBody())  # type: ignore[return-value]


def any_folder() -> str:
    """The folder that `cwd` names; '' without the parameter."""
    return _query("cwd", "", {"type": "string", "pattern": "^/"}, lambda given: folder_of(given) if given else "")


class _FileBody:
    """Reads a file from the body of a request; few at once, because each may be large."""

    def __init__(self) -> None:
        self._slots = asyncio.Semaphore(UPLOADS_AT_ONCE)

    async def __call__(self, request: Request) -> Upload:
        async with self._slots:
            return read_upload(await request.body(), request.headers.get("content-type", ""))


class _JsonBody:
    """Reads the body of a request."""

    def __init__(self, kind: type[Any]):
        self.kind = kind

    async def __call__(self, request: Request) -> Any:
        content = await request.body()
        declared = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if content and declared != "application/json":
            raise Refused("Send JSON with Content-Type: application/json.", code=ErrorCode.unsupported_media_type)
        return json_body.read(content, self.kind)


class Parameter(Generic[T]):
    """A value of the query string or a header. `default` stands in for a missing one; without a default the value is then None."""

    def __init__(
        self, name: str, where: str, schema: dict[str, Any], read: Callable[[str], T], default: str | None, *, is_required: bool = False
    ):
        self._name, self._where, self._read, self._default = name, where, read, default
        self.description = {"name": name, "in": where, "required": is_required, "schema": schema}

    def __call__(self, request: Request) -> T | None:
        """The value that a request gives. Raises Refused."""
        values = request.query_params if self._where == "query" else request.headers
        given = values.get(self._name, self._default)
        return None if given is None else self._read(given)


def _query(name: str, default: str | None, schema: dict[str, Any], read: Callable[[str], Any], *, is_required: bool = False) -> Any:
    return Depends(Parameter(name, "query", schema, read, default, is_required=is_required))


def _answering(endpoint: Callable[..., Awaitable[Any]], signature: Signature, status: int) -> Callable[..., Awaitable[Response]]:
    """A handler as FastAPI calls it: with the request and the parameters of the path; it returns a Response."""
    found = [(parameter.name, _dependency_of(parameter)) for parameter in signature.parameters.values()]
    dependencies = [(name, read, isinstance(read, _JsonBody | _FileBody)) for name, read in found if read is not None]

    @functools.wraps(endpoint)
    async def answered(request: Request, **arguments: Any) -> Response:
        for name, read, is_awaited in dependencies:
            value = read(request)
            arguments[name] = await value if is_awaited else value
        answer = await endpoint(**arguments)
        return answer if isinstance(answer, Response) else json_response(answer, status)

    of_the_path = [signature.parameters[name] for name, read in found if read is None]
    first = inspect.Parameter("request", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=Request)
    answered.__signature__ = Signature([first, *of_the_path], return_annotation=Response)  # type: ignore[attr-defined]
    return answered


def _dependency_of(parameter: inspect.Parameter) -> Callable[[Request], Any] | None:
    """The dependency that a parameter of a handler declares, as its default or in its annotation."""
    declared = [parameter.default, *getattr(parameter.annotation, "__metadata__", ())]
    return next((each.dependency for each in declared if isinstance(each, Dependency)), None)


def _describe(signature: Signature, status: int) -> dict[str, Any]:
    """What OpenAPI says about a handler, apart from what FastAPI finds by itself (its path and its docstring)."""
    found: dict[str, Any] = {}
    if signature.return_annotation is not Response:
        found["responses"] = {
            str(status): {"description": "OK", "content": {"application/json": {"schema": _schema(signature.return_annotation)}}}
        }
    for parameter in signature.parameters.values():
        reads = _dependency_of(parameter)
        if isinstance(reads, Parameter):
            found.setdefault("parameters", []).append(reads.description)
        elif isinstance(reads, _JsonBody) and (fields := msgspec.structs.fields(reads.kind)):
            content = {"application/json": {"schema": _schema(reads.kind)}}
            found["requestBody"] = {"required": any(field.required for field in fields), "content": content}
        elif isinstance(reads, _FileBody):
            binary = {"schema": {"type": "string", "format": "binary"}}
            found["requestBody"] = {"required": True, "content": {"application/octet-stream": binary}}
    return found


def _schema(kind: Any) -> dict[str, Any]:
    if isinstance(kind, types.UnionType):
        return {"anyOf": [_schema(option) for option in get_args(kind)]}
    return {"$ref": f"#/components/schemas/{kind.__name__}"}
