"""MCP servers that a person adds, changes and removes while the daemon runs, and that are slow: from the next turn, without a restart."""

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.contained import PYTHON
from support.daemon import Daemon
from support.limits import limit_s
from support.model_server import ModelServer, Use

from .test_tool_turns import Script, get, play, results

pytestmark = pytest.mark.system

SERVER = Path(__file__).parent.parent / "support/manners_server.py"


@pytest.fixture(scope="module")
def script() -> Script:
    return Script()


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory, script: Script) -> Iterator[Daemon]:
    with ModelServer(script) as model:
        script.model = model
        with Daemon(tmp_path_factory.mktemp("added"), model_url=model.url) as running:
            shutil.copy(SERVER, running.workspace)
            yield running


def offered(daemon: Daemon, script: Script, sid: str) -> set[str]:
    play(daemon, script, sid)
    assert script.model is not None
    return {tool["function"]["name"] for tool in script.model.requests[-1].body["tools"] if "__" in tool["function"]["name"]}


def add(daemon: Daemon, name: str, *words: str) -> None:
    done = daemon.opta("mcp", "add", name, "--replace", "--", PYTHON, "-I", SERVER.name, *words)
    assert done.returncode == 0, done.stderr
    if "slow-list" not in words:
        daemon.start_servers()


def test_a_server_is_offered_from_the_turn_after_it_was_added_changed_or_removed(daemon: Daemon, script: Script) -> None:
    sid = daemon.session(mode="do", policy="unrestricted")
    assert offered(daemon, script, sid) == set()
    add(daemon, "first", "plain")
    assert offered(daemon, script, sid) == {"mcp__first__do"}
    events = play(daemon, script, sid, Use("mcp__first__do", {"x": "it"}))
    assert results(events)[0]["content"] == "do it"
    add(daemon, "first", "names")
    assert "mcp__first__ok-1" in offered(daemon, script, sid)
    # In the file, as an editor writes it.
    config = daemon.home / "config.toml"
    text = config.read_text() + f'\n[mcp.servers.second]\ncommand = "{PYTHON}"\nargs = ["-I", "{SERVER.name}", "plain"]\n'
    config.write_text(text)
    daemon.start_servers()
    assert "mcp__second__do" in offered(daemon, script, sid)
    for name in ("first", "second"):
        assert daemon.opta("mcp", "remove", name).returncode == 0
    assert offered(daemon, script, sid) == set()


def test_a_slow_server_does_not_delay_a_turn_and_comes_later(daemon: Daemon, script: Script) -> None:
    add(daemon, "slow", "slow-list", "12")
    sid = daemon.session(mode="do", policy="unrestricted")
    started = time.monotonic()
    assert offered(daemon, script, sid) == set()
    assert time.monotonic() - started < limit_s(8)
    warnings: list[Any] = [event for line in daemon.journal(sid) if (event := json.loads(line))["event"] == "warning"]
    assert any("slow is still starting" in json.dumps(event) for event in warnings)
    deadline = time.monotonic() + limit_s(40)
    while not (found := offered(daemon, script, sid)) and time.monotonic() < deadline:
        pass
    assert found == {"mcp__slow__do"}
    assert daemon.opta("mcp", "remove", "slow").returncode == 0


def test_a_picture_of_a_server_is_an_artifact_of_its_session(daemon: Daemon, script: Script) -> None:
    add(daemon, "pictures", "results")
    sid = daemon.session(mode="do", policy="unrestricted")
    (result,) = results(play(daemon, script, sid, Use("mcp__pictures__do", {"x": "image"})))
    name = result["content"].rsplit(" ", 1)[1].rstrip("]")
    assert name == f"{result['callId']}-2.png"
    status, content = get(daemon, f"/v3/sessions/{sid}/artifacts/{name}")
    assert (status, content[:4]) == (200, b"\x89PNG")
    assert get(daemon, f"/v3/sessions/{daemon.session(mode='do')}/artifacts/{name}")[0] == 404
    assert get(daemon, f"/v3/sessions/{sid}/artifacts/{result['callId']}-3.png")[0] == 404
