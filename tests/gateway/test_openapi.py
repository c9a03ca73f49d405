"""The OpenAPI document matches the routes."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.gateway import PAGE_PORT, LocalGateway

from opta_core.lmx_settings import LmxSettings
from opta_core.settings import Settings
from opta_protocol import lmx

DOCUMENT: dict[str, Any] = json.loads((Path(__file__).parents[2] / "docs/openapi.json").read_text())
OPERATIONS = [(method.upper(), path, operation) for path, found in DOCUMENT["paths"].items() for method, operation in found.items()]
# Answers that are no Struct of ours: files and exports.
NO_JSON = {"/v3/sessions/{name}/artifacts/{file}", "/v3/sessions/{name}/export", "/v3/sessions/{name}/evidence"}

MODEL = {"id": "probe", "state": "loaded", "object": "model", "memory": 5, "needed": 6}
PULL = {"name": "m", "repo": "o/m", "state": "looking"}
LMX_ANSWERS: dict[tuple[str, str], Any] = {
    ("GET", "/admin/models"): {"models": [MODEL], "memory": {"used": 1, "limit": 2, "level": "ok"}, "pulls": [PULL]},
    ("POST", "/admin/models/load"): MODEL,
    ("POST", "/admin/models/unload"): {"unloaded": "probe"},
    ("POST", "/admin/models/available"): {"repo": "o/m", "revision": "r", "bytes": 5, "files": 2},
    ("POST", "/admin/models/pull"): PULL,
    ("POST", "/admin/models/pull/pause"): {**PULL, "state": "paused"},
}
LMX_CALLS: list[tuple[str, str, dict[str, Any] | None]] = [
    ("GET", "/v3/lmx/models", None),
    ("GET", "/v3/lmx/status", None),
    ("POST", "/v3/lmx/models/load", {"model": "probe"}),
    ("POST", "/v3/lmx/models/unload", {"model": "probe"}),
    ("POST", "/v3/lmx/models/available", {"repo": "o/m"}),
    ("POST", "/v3/lmx/models/pull", {"repo": "o/m"}),
    ("POST", "/v3/lmx/models/pull/pause", {"name": "m"}),
]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalGateway]:
    with LocalGateway(tmp_path_factory.mktemp("gateway")) as running:
        yield running


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS, ids=lambda value: value if isinstance(value, str) else "")
def test_every_route_names_the_type_of_its_answer(method: str, path: str, operation: dict[str, Any]) -> None:
    answers = {status: answer.get("content", {}) for status, answer in operation["responses"].items() if status != "default"}
    assert len(answers) == 1
    (content,) = answers.values()
    if path in NO_JSON:
        assert content
    else:
        assert set(content) == {"application/json"}
        assert set(content["application/json"]["schema"]) <= {"$ref", "anyOf"}
        assert content["application/json"]["schema"]


@pytest.mark.parametrize("path", ["/v3/sessions", "/v3/sessions/{name}/events", "/v3/daemon/logs", "/v3/policy"])
def test_the_parameters_of_a_query_are_described(path: str) -> None:
    described = {parameter["name"] for parameter in DOCUMENT["paths"][path]["get"]["parameters"] if parameter["in"] == "query"}
    wanted = {
        "/v3/sessions": {"q", "state", "limit", "cursor", "children", "parent", "archived", "pinned"},
        "/v3/sessions/{name}/events": {"afterSeq", "limit", "wait_ms"},
        "/v3/daemon/logs": {"service", "limit", "level"},
        "/v3/policy": {"cwd"},
    }
    assert described == wanted[path]


@pytest.mark.parametrize(("method", "target", "body"), LMX_CALLS, ids=lambda value: value if isinstance(value, str) else "")
def test_a_route_of_lmx_gives_the_answer_that_it_declares(tmp_path: Path, method: str, target: str, body: dict[str, Any] | None) -> None:
    declared = next(operation for verb, path, operation in OPERATIONS if (verb, path) == (method, target))["responses"]
    status = next(status for status in declared if status != "default")
    name = declared[status]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
    gateway = LocalGateway(tmp_path)
    server = gateway.run(asyncio.start_server(_lmx, "127.0.0.1", 0))
    host = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    gateway.settings = Settings(lmx=msgspec.structs.replace(LmxSettings(), host=host))
    with gateway:
        answer = gateway.get(target) if body is None else gateway.post(target, body)
        server.close()
    assert str(answer.status) == status, answer
    kind = getattr(lmx, name)
    # Nothing but what the type declares, and all of what it requires.
    assert set(answer.json()) <= {field.encode_name for field in msgspec.structs.fields(kind)}
    assert msgspec.convert(answer.json(), kind)


def test_a_page_may_use_every_method_that_a_route_takes(gateway: LocalGateway) -> None:
    origin = ("Origin", f"http://127.0.0.1:{PAGE_PORT}")
    for method, path, _ in OPERATIONS:
        answer = gateway.ask("OPTIONS", path, origin, ("Access-Control-Request-Method", method), token=None)
        assert answer.status == 204
        assert method in (answer.header("access-control-allow-methods") or "").split(", ")


async def _lmx(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One answer of an LMX."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    method, path, _ = head.split(" ", 2)
    content = json.dumps(LMX_ANSWERS[method, path]).encode()
    status = b"202 Accepted" if path.endswith("/pull") else b"200 OK"
    writer.write(
        b"HTTP/1.1 %b\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%b"
        % (status, len(content), content)
    )
    await writer.drain()
    writer.close()
