"""No route waits for a disk on the event loop: files are read and written in threads."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from support.gateway import PAGE_PORT, LocalGateway
from support.loop_files import files_on_the_loop
from support.supervisord import supervisord

from opta_core.settings import Settings

TRUST = {"cwd": "{work}", "sha256": "0" * 64}
ROUTES: list[tuple[str, str, dict[str, Any] | None]] = [
    ("GET", "/v3/daemon", None),
    ("GET", "/v3/daemon/logs", None),
    ("GET", "/v3/accounts", None),
    ("PUT", "/v3/accounts/acme", {"key": "sk-0123456789abcdef"}),
    ("DELETE", "/v3/accounts/acme", None),
    ("GET", "/v3/grants", None),
    ("DELETE", "/v3/grants/none", None),
    ("GET", "/v3/policy?cwd={work}", None),
    ("POST", "/v3/policy/check", {"command": "ls", "cwd": "{work}"}),
    ("GET", "/v3/trust?cwd={work}", None),
    ("POST", "/v3/trust", TRUST),
    ("DELETE", "/v3/trust?cwd={work}", None),
    ("GET", "/v3/mcp?cwd={work}", None),
    ("POST", "/v3/mcp/approve", {**TRUST, "name": "none"}),
    ("GET", "/v3/lmx/models", None),
    ("GET", "/v3/models", None),
    ("PUT", "/v3/models/default", {"model": "none"}),
    ("GET", "/v3/providers", None),
    ("GET", "/v3/metrics", None),
    ("GET", "/v3/sessions", None),
    ("POST", "/v3/sessions", {"cwd": "{work}"}),
    ("POST", "/v3/sessions", {}),
    ("GET", "/v3/sessions/{sid}/tools", None),
    ("GET", "/v3/sessions/{sid}/artifacts/none.txt", None),
    ("GET", "/v3/permissions", None),
]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalGateway]:
    with LocalGateway(tmp_path_factory.mktemp("gateway"), Settings(vault_file=True)) as running, supervisord(running.paths.run):
        (running.paths.logs / "gateway.log").write_text("12:00:00.000 INFO    gateway ready\n")
        (running.paths.state).write_text(json.dumps({"uiPort": PAGE_PORT, "lmxPort": 1}))
        (running.paths.lmx).mkdir(exist_ok=True)
        (running.paths.lmx / "admin.key").write_text("key")
        yield running


@pytest.mark.parametrize(("method", "target", "body"), ROUTES, ids=lambda value: value if isinstance(value, str) else "")
def test_no_file_is_touched_on_the_loop(gateway: LocalGateway, method: str, target: str, body: dict[str, Any] | None) -> None:
    sid, work = gateway.session(), str(gateway.workspace)
    given = json.dumps(body).replace("{work}", work).encode() if body is not None else b""
    headers = [("Content-Type", "application/json")] if given else []
    # The page's origin is looked up in the daemon's state, which is read when it has changed.
    gateway.get("/healthz", ("Origin", f"http://127.0.0.1:{PAGE_PORT}"))
    with files_on_the_loop() as found:
        answer = gateway.ask(method, target.format(work=work, sid=sid), ("Origin", f"http://127.0.0.1:{PAGE_PORT}"), *headers, body=given)
    # There is no LMX; everything else is answered or refused.
    assert answer.status < 500 or (answer.status == 503 and "lmx" in target), answer
    store = str(gateway.paths.daemon / "sessions")
    assert [each for each in found if store not in each] == []
