"""Asks a model server what it has: its models, the context that is in force, and what the models can.

`/v1/models` is asked first. Only a server that names itself there, or one of this network that says nothing of a context, is asked in
an interface of its own; a server in the cloud is never asked for paths that it does not have.
"""

import asyncio
import ipaddress
from typing import Any
from urllib.parse import urlsplit

import msgspec

from ..clock import now_s
from ..errors import Unavailable
from ..net.http_client import HttpClient, HttpProblem, UnverifiedServer
from . import vendor_interfaces as vendors
from .address import ANTHROPIC_CONTEXT, ServerAddress
from .server_model import ServerModel, list_of, object_of, of_list

LIST_BYTES_MAX = 8 * 1024 * 1024
# Models of Ollama whose details are asked for.
DETAILS_MAX = 40
# Fields of an entry that says no more of a model than its name.
_BARE = {"id", "created", "owned_by"}
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class ServerProblem(Unavailable):
    """A server does not answer, or answers something else than a list of models. `is_reached`: it does answer.

    `is_stranger`: another program answers at its address; the message is a whole sentence.
    """

    def __init__(self, message: str, *, is_reached: bool = False, is_stranger: bool = False, status: int = 0):
        super().__init__(message)
        self.is_reached, self.is_stranger, self.status = is_reached, is_stranger, status


class ServerReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a server said. `kind`: ollama, llama.cpp, lmstudio, vllm, sglang, koboldcpp, lmx, anthropic or ''; `latency_ms`: of the list.

    `is_standard`: each entry of the list says that it is a model, or has nothing but what models have. Other programs have lists of other things at that path.
    """

    kind: str = ""
    models: tuple[ServerModel, ...] = ()
    latency_ms: float = 0.0
    is_standard: bool = False

    def model(self, name: str) -> ServerModel | None:
        """A model by name, also by Ollama's name without `:latest`."""
        return next((model for model in self.models if model.id in (name, f"{name}:latest")), None)


async def look(
    client: HttpClient, address: ServerAddress, kind: str, timeout_s: float, wanted: str = "", *, is_deep: bool = True
) -> ServerReport:
    """Ask the server at `address`; `client` is at its root. `kind`: the provider's type; `wanted`: the model whose details come first.

    Without `is_deep` only the list is asked for. Raises ServerProblem.
    """
    started = now_s()
    try:
        status, headers, body = await _get(client, f"{address.path}/models", timeout_s)
    except UnverifiedServer as error:
        raise ServerProblem(str(error), is_reached=True, is_stranger=True) from error
    except HttpProblem as error:
        raise ServerProblem(str(error) or "it does not answer", is_reached=error.is_connected) from error
    latency_ms = round((now_s() - started) * 1000, 1)
    models = [] if body is None else of_list(body)
    if status != 200 or (body is None) or (not models and not _is_list(body)):
        raise ServerProblem(
            f"status {status}" if status != 200 else "it answers with something else than a list of models", is_reached=True, status=status
        )
    report = ServerReport(
        kind=_kind_of(kind, models, headers), models=tuple(models), latency_ms=latency_ms, is_standard=bool(models) and _is_standard(body)
    )
    if kind == "anthropic":
        named = [msgspec.structs.replace(m, context=m.context or (ANTHROPIC_CONTEXT if m.id.startswith("claude") else 0)) for m in models]
        return msgspec.structs.replace(report, models=tuple(named))
    if not is_deep or kind == "lmx":
        return report
    return await _deeper(client, address, report, timeout_s, wanted)


async def _deeper(client: HttpClient, address: ServerAddress, report: ServerReport, timeout_s: float, wanted: str) -> ServerReport:
    models, kind = list(report.models), report.kind
    lacks = any(not model.context for model in models)
    if kind not in ("ollama", "llama.cpp", "lmstudio", "") or (not kind and not (lacks and is_near(address.url))):
        return report
    if (
        kind in ("llama.cpp", "")
        and (props := await _try(client, "/props", timeout_s)) is not None
        and "default_generation_settings" in props
    ):
        return _with(report, "llama.cpp", vendors.with_llama_props(models, props))
    if kind in ("lmstudio", "") and (listed := await _try(client, "/api/v0/models", timeout_s)) is not None and of_list(listed):
        return _with(report, "lmstudio", vendors.with_list(models, listed))
    if kind in ("ollama", "") and (tags := await _try(client, "/api/tags", timeout_s)) is not None and "models" in tags:
        return _with(report, "ollama", await _ollama(client, models or of_list(tags), timeout_s, wanted))
    if not kind and (length := await _try(client, "/api/extra/true_max_context_length", timeout_s)) is not None and "value" in length:
        return _with(report, "koboldcpp", vendors.with_context(models, length, "value"))
    return report


async def _ollama(client: HttpClient, models: list[ServerModel], timeout_s: float, wanted: str) -> list[ServerModel]:
    """Ollama's models with their details: the wanted one, and the first ones of its list."""
    models = sorted(models, key=lambda model: model.id not in (wanted, f"{wanted}:latest"))

    async def detailed(model: ServerModel) -> ServerModel:
        shown = await _try(client, "/api/show", timeout_s, {"model": model.id})
        return vendors.with_ollama_show(model, shown) if shown is not None else model

    found = [*await asyncio.gather(*map(detailed, models[:DETAILS_MAX])), *models[DETAILS_MAX:]]
    loaded = await _try(client, "/api/ps", timeout_s)
    return vendors.with_ollama_loaded(found, loaded) if loaded is not None else found


def _with(report: ServerReport, kind: str, models: list[ServerModel]) -> ServerReport:
    return msgspec.structs.replace(report, kind=kind, models=tuple(models))


def _kind_of(kind: str, models: list[ServerModel], headers: dict[bytes, bytes]) -> str:
    """The program that answers, as far as its list or its headers tell; '' when they do not."""
    if kind != "openai":
        return kind
    owners = {model.owner.lower() for model in models}
    server = headers.get(b"server", b"").lower()
    if "llamacpp" in owners or b"llama.cpp" in server:
        return "llama.cpp"
    for owner, name in (("vllm", "vllm"), ("sglang", "sglang"), ("library", "ollama"), ("organization_owner", "lmstudio"), ("lmx", "lmx"), ("koboldcpp", "koboldcpp")):  # fmt: skip
        if owner in owners:
            return name
    return ""


def is_near(url: str) -> bool:
    """Whether an address is of this machine or of a private network."""
    host = urlsplit(url).hostname or ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost" or "." not in host or host.endswith((".local", ".lan", ".home", ".internal"))
    return address.is_loopback or address.is_private


def _is_list(body: Any) -> bool:
    fields = object_of(body)
    return isinstance(body, list) or fields.get("object") == "list" or isinstance(fields.get("data", fields.get("models")), list)


def _is_standard(body: Any) -> bool:
    entries = [object_of(entry) for entry in list_of(object_of(body).get("data"))]
    return object_of(body).get("object", "list") == "list" and all(
        entry.get("object") == "model" or (isinstance(entry.get("id"), str) and entry.keys() <= _BARE) for entry in entries
    )


async def _get(client: HttpClient, path: str, timeout_s: float, body: dict[str, Any] | None = None) -> tuple[int, dict[bytes, bytes], Any]:
    """(status, headers, decoded JSON, or None for anything else)."""
    try:
        async with asyncio.timeout(timeout_s):
            answer = await client.send("POST" if body else "GET", path, msgspec.json.encode(body) if body else None)
            try:
                content = await answer.read(LIST_BYTES_MAX)
                status, headers = answer.status, answer.headers
            finally:
                answer.close()
    except TimeoutError:
        raise HttpProblem(f"nothing came for {timeout_s:g} s") from None
    try:
        return status, headers, msgspec.json.decode(content)
    except _UNREADABLE:
        return status, headers, None


async def _try(client: HttpClient, path: str, timeout_s: float, body: dict[str, Any] | None = None) -> dict[str, Any] | None:
    """The object at a path that a server need not have; None when it has none."""
    try:
        status, _, found = await _get(client, path, timeout_s, body)
    except HttpProblem:
        return None
    return found if status == 200 and isinstance(found, dict) else None  # pyright: ignore[reportUnknownVariableType]
