"""Providers of each type on a running daemon: added without a restart, LMX as its own neighbour and behind the Messages API, live health."""

from collections.abc import Iterator
from typing import Any

import pytest
from support.byte_server import STREAM, ByteServer, finish, say
from support.daemon import Daemon
from support.model_server import ModelServer, Say
from support.oracles import until

from opta_core.process import state

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with Daemon(tmp_path_factory.mktemp("providers"), only="gateway,agent,tools,sessions,desktop,lmx") as running:
        yield running


@pytest.fixture(scope="module")
def lmx_url(daemon: Daemon) -> str:
    known = state.read(daemon.loaded.paths)
    assert known is not None
    return f"http://127.0.0.1:{known.lmxPort}"


def play(daemon: Daemon, sid: str, model: str, text: str = "What is 2+2?") -> list[dict[str, Any]]:
    return daemon.follow(sid, daemon.submit(sid, text, model=model))


def of_kind(events: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [event for event in events if event["event"] == kind]


@pytest.mark.parametrize("kind", ["openai", "anthropic", "lmx"])
def test_a_provider_of_each_type_is_added_to_a_running_daemon_and_answers_the_next_turn(daemon: Daemon, lmx_url: str, kind: str) -> None:
    added = daemon.opta("config", "add-provider", f"my-{kind}", "--type", kind, "--base-url", lmx_url)
    assert added.returncode == 0, added.stderr
    assert f"my-{kind}/probe" in added.stdout
    sid = daemon.session(mode="chat")
    first, second = play(daemon, sid, f"my-{kind}/probe"), play(daemon, sid, f"my-{kind}/probe")[-6:]
    assert first[-1]["event"] == "turn.done", first[-1]
    assert "".join(event["delta"] for event in of_kind(first, "turn.token")).strip() == "4"
    (start,) = of_kind(first, "step.start")
    assert (start["provider"], start["model"], start["contextLimit"] > 0) == (f"my-{kind}", "probe", True)
    (done,) = of_kind(second, "step.done")
    assert 0 < done["cachedTokens"] < done["promptTokens"]


@pytest.mark.parametrize("level", ["off", "high"])
def test_lmx_takes_every_level_of_thinking_through_each_of_its_interfaces(daemon: Daemon, lmx_url: str, level: str) -> None:
    for kind in ("openai", "anthropic", "lmx"):
        assert daemon.opta("config", "add-provider", f"thinks-{kind}", "--type", kind, "--base-url", lmx_url, "--replace").returncode == 0
    assert daemon.opta("config", "set", "thinking", level).returncode == 0
    try:
        for model in ("lmx/probe", "thinks-openai/probe", "thinks-anthropic/probe", "thinks-lmx/probe"):
            events = play(daemon, daemon.session(mode="chat"), model)
            assert (events[-1]["event"], of_kind(events, "warning")) == ("turn.done", []), model
            assert "".join(event["delta"] for event in of_kind(events, "turn.token")).strip() == "4"
    finally:
        daemon.opta("config", "set", "thinking", "auto")


def test_a_tool_is_called_through_the_messages_api(daemon: Daemon, lmx_url: str) -> None:
    daemon.opta("config", "add-provider", "messages", "--type", "anthropic", "--base-url", f"{lmx_url}/v1", "--model", "probe")
    (daemon.workspace / "README.md").write_text("# Hello from the file\n")
    sid = daemon.session(mode="do", policy="unrestricted")
    events = play(daemon, sid, "messages/probe", "Read the file README.md")
    assert [event["name"] for event in of_kind(events, "tool.call")] == ["read_file"]
    assert events[-1]["event"] == "turn.done", events[-1]
    assert events[-1]["steps"] == 2


def test_a_dead_provider_is_announced_left_alone_shown_as_dead_and_used_again_when_it_is_back(daemon: Daemon) -> None:
    def is_healthy() -> bool:
        providers = daemon.client.get("/v3/providers")["providers"]
        return next(provider["healthy"] for provider in providers if provider["name"] == "mine")

    def names(events: list[dict[str, Any]]) -> list[str]:
        return [event["provider"] for event in of_kind(events, "step.start")]

    def add(name: str, url: str) -> None:
        daemon.client.post("/v3/providers", {"name": name, "type": "openai", "baseUrl": url, "model": "scripted"})

    def next_turn() -> list[dict[str, Any]]:
        turn = daemon.submit(sid, "Hello", model="mine/scripted")
        return [event for event in daemon.follow(sid, turn) if event.get("turn") == turn]

    for provider in daemon.client.get("/v3/providers")["providers"]:
        if provider["name"] != "lmx":
            assert daemon.opta("config", "remove-provider", provider["name"]).returncode == 0
    sid = daemon.session(mode="chat")
    with ModelServer(lambda messages: [Say("from the other")]) as other:
        with ByteServer(lambda request: [STREAM, say("from mine"), finish()]) as mine:
            add("mine", mine.url)
            add("other", other.url)
            assert names(next_turn()) == ["mine"]
            assert is_healthy()
            port = int(mine.url.removesuffix("/v1").rpartition(":")[2])
        first, second = next_turn(), next_turn()
        assert names(first)[-1] == names(second)[-1] == "other"
        # Every turn says who answers in whose place, and the second one does not try the dead one.
        for events in (first, second):
            (switch,) = of_kind(events, "route.switch")
            assert (switch["from"], switch["to"]) == ("mine/scripted", "other/scripted")
        assert names(second) == ["other"]
        assert until(lambda: not is_healthy(), 10)
        with ByteServer(lambda request: [STREAM, say("mine again"), finish()], port=port):
            assert until(is_healthy, 10)
            assert until(lambda: names(next_turn()) == ["mine"])
