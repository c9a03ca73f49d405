"""The files that `@path` may name, over HTTP: from the tool worker, and without those that the rules keep from a message."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.gateway import LocalGateway

from opta_core.bus.bus import Frames
from opta_gateway import worker_client
from opta_protocol.commands import ToolCommand
from opta_protocol.path_commands import FindPaths
from opta_protocol.topics import TOOLS_RPC
from opta_tools.search.path_completion import PathCompletion

_order = msgspec.json.Decoder(ToolCommand)


class PathWorker:
    """The part of the tool worker that completes paths, on the gateway's bus."""

    def __init__(self, gateway: LocalGateway):
        self._completion = PathCompletion()
        self._answers: set[asyncio.Task[None]] = set()

        self._router = gateway.house.bus.router(TOOLS_RPC, self._on_order)

    def _on_order(self, peer: bytes, frames: Frames) -> None:
        order = _order.decode(frames[0])
        if isinstance(order, FindPaths):
            task = asyncio.get_running_loop().create_task(self._answer(peer, order))
            self._answers.add(task)
            task.add_done_callback(self._answers.discard)

    async def _answer(self, peer: bytes, order: FindPaths) -> None:
        self._router.send(peer, [msgspec.json.encode(await self._completion.find(order))])


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[LocalGateway]:
    with LocalGateway(tmp_path) as running:
        PathWorker(running)
        for name in ("notes.md", "src/app.py", "private/plan.md", ".env"):
            file = running.workspace / name
            file.parent.mkdir(exist_ok=True)
            file.write_text("x")
        yield running


def found(gateway: LocalGateway, query: str = "") -> list[Any]:
    answer = gateway.get(f"/v3/files?cwd={gateway.workspace}{query}")
    assert answer.status == 200, answer
    assert answer.json()["isWhole"] is True
    return [(match["path"], match["isFolder"]) for match in answer.json()["files"]]


def test_files_and_folders_come_without_credentials(gateway: LocalGateway) -> None:
    assert set(found(gateway)) == {
        ("notes.md", False),
        ("src", True),
        ("src/app.py", False),
        ("private", True),
        ("private/plan.md", False),
    }
    assert found(gateway, "&q=app") == [("src/app.py", False)]
    assert len(found(gateway, "&limit=2")) == 2


def test_a_file_whose_reading_a_rule_denies_or_asks_about_does_not_come(gateway: LocalGateway) -> None:
    (gateway.home / "policies").mkdir(exist_ok=True)
    (gateway.home / "policies/mine.yaml").write_text(
        "version: 1\nrules:\n  - {effect: deny, tool: read_file, path: 'private/**'}\n  - {effect: ask, tool: read_file, path: 'notes.md'}\n"
    )
    assert not {("private/plan.md", False), ("notes.md", False)} & set(found(gateway))
    assert ("src/app.py", False) in found(gateway)


@pytest.mark.parametrize("cwd", ["", "relative", "/no/such/folder"])
def test_a_folder_that_is_none_is_refused(gateway: LocalGateway, cwd: str) -> None:
    answer = gateway.get(f"/v3/files?cwd={cwd}")
    assert answer.status in (404, 422), answer
    assert answer.error["message"]


def test_a_worker_that_does_not_answer_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_client, "FIND_S", 0.1)
    with LocalGateway(tmp_path) as gateway:
        answer = gateway.get(f"/v3/files?cwd={gateway.workspace}")
        assert answer.refusal == (503, "unavailable")
        assert "tool worker" in answer.error["message"]
