"""Providers over HTTP: measured health, adding and removing with the checks of the command line, and servers of this machine."""

import socket
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from support.gateway import LocalGateway
from support.model_server import ModelServer

from opta_core.config_file import with_entry
from opta_core.settings import read_config


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[LocalGateway]:
    with LocalGateway(tmp_path) as running:
        yield running


def providers(gateway: LocalGateway) -> dict[str, dict[str, Any]]:
    return {provider["name"]: provider for provider in gateway.get("/v3/providers").json()["providers"]}


def dead_url() -> str:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{listener.getsockname()[1]}/v1"


def test_a_provider_is_added_measured_and_removed_without_a_restart(gateway: LocalGateway) -> None:
    with ModelServer(lambda messages: [], {"max_model_len": 4096}) as server:
        added = gateway.post(
            "/v3/providers", {"name": "mine", "type": "openai", "baseUrl": server.url.removesuffix("/v1"), "model": "scripted"}
        )
        assert (added.status, added.json()["baseUrl"], added.json()["models"], added.json()["problem"]) == (
            201,
            server.url,
            ["scripted"],
            "",
        )
        mine = providers(gateway)["mine"]
        assert (mine["healthy"], mine["models"], mine["contextLimit"], mine["state"]) == (True, ["scripted"], 4096, "standby")
        model = next(model for model in gateway.get("/v3/models").json()["models"] if model["provider"] == "mine")
        assert (model["id"], model["healthy"], model["contextLimit"]) == ("mine/scripted", True, 4096)
        assert gateway.post("/v3/providers", {"name": "mine", "type": "openai", "baseUrl": server.url}).status == 409
        other = {"name": "other", "type": "openai", "baseUrl": server.url, "model": "scripted", "makeDefault": True}
        assert gateway.post("/v3/providers", other).status == 201
        assert gateway.get("/v3/models").json()["default"] == "other/scripted"
        assert providers(gateway)["other"]["state"] == "active"
        assert gateway.ask("DELETE", "/v3/providers/other").status == 200
    assert gateway.ask("DELETE", "/v3/providers/mine").status == 200
    assert gateway.ask("DELETE", "/v3/providers/mine").refusal == (404, "not_found")
    assert list(providers(gateway)) == ["lmx"]


def test_the_default_model_is_chosen_among_those_that_there_are(gateway: LocalGateway) -> None:
    def choose(model: str) -> Any:
        return gateway.post("/v3/models/default", {"model": model}, method="PUT")

    with ModelServer(lambda messages: []) as server:
        assert gateway.post("/v3/providers", {"name": "mine", "type": "openai", "baseUrl": server.url}).status == 201
        assert choose("mine/none").refusal == (404, "not_found")
        assert choose("nobody/scripted").refusal == (404, "not_found")
        assert choose("scripted").refusal == (404, "not_found")
        assert choose("").status == 422
        # LMX does not run here, so nothing is said of its models.
        assert choose("lmx/other").refusal == (503, "unavailable")
        assert gateway.get("/v3/models").json()["default"] == "lmx/probe"
        assert choose("mine/scripted").status == 200
        found = gateway.get("/v3/models").json()
        assert found["default"] == "mine/scripted"
        assert [model["id"] for model in found["models"] if model.get("default")] == ["mine/scripted"]


def test_a_default_model_of_the_environment_is_not_changed_behind_its_back(gateway: LocalGateway) -> None:
    gateway.gateway.loaded.origins["default-model"] = "OPTA_DEFAULT_MODEL"
    answer = gateway.post("/v3/models/default", {"model": "lmx/probe"}, method="PUT")
    assert answer.refusal == (409, "conflict")
    assert "OPTA_DEFAULT_MODEL" in answer.error["message"]
    assert not gateway.paths.config.exists()


def test_a_dead_server_is_never_shown_healthy(gateway: LocalGateway) -> None:
    added = gateway.post("/v3/providers", {"name": "dead", "type": "openai", "baseUrl": dead_url(), "model": "m"})
    assert added.status == 201 and added.json()["problem"]
    dead = providers(gateway)["dead"]
    assert not dead["healthy"] and "remove-provider dead" in dead["reason"]
    assert [model["healthy"] for model in gateway.get("/v3/models").json()["models"]] == [False]


def test_a_server_without_a_list_of_models_is_said_to_answer(gateway: LocalGateway, tmp_path: Path) -> None:
    class NoList(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(NoList, directory=tmp_path)) as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/api"
        assert gateway.post("/v3/providers", {"name": "bare", "type": "openai", "baseUrl": url, "model": "m"}).status == 201
        bare = providers(gateway)["bare"]
        server.shutdown()
    assert not bare["healthy"] and "It answers" in bare["reason"] and "providers.bare.base-url" in bare["reason"]


def test_who_is_left_alone_by_turns_is_shown_with_the_time(gateway: LocalGateway) -> None:
    gateway.post("/v3/providers", {"name": "dead", "type": "openai", "baseUrl": dead_url(), "model": "m"})
    gateway.report("agent", cooling={"dead": 12.5})
    found = providers(gateway)
    assert found["dead"]["coolingUntil"].endswith("Z") and found["lmx"]["coolingUntil"] == ""


@pytest.mark.parametrize(
    "wanted",
    [
        {},
        {"name": "x", "type": "magic", "baseUrl": "http://127.0.0.1:1"},
        {"name": "x", "type": "openai"},
        {"name": "x", "type": "openai", "baseUrl": "ftp://127.0.0.1"},
        {"name": "x", "type": "openai", "baseUrl": "http://"},
        {"name": "x", "type": "openai", "baseUrl": "http://user:secret@127.0.0.1:1/v1"},
        {"name": "x", "type": "openai", "baseUrl": "http://[::1"},
        {"name": "x", "type": "openai", "baseUrl": "http://127.0.0.1:99999/v1"},
        {"name": "x", "type": "openai", "baseUrl": "http://127.0.0.1:1/\n"},
        {"name": "x", "type": "openai", "baseUrl": "http://ü/v1"},
        {"name": "lmx", "type": "openai", "baseUrl": "http://127.0.0.1:1"},
        {"name": "a/b", "type": "openai", "baseUrl": "http://127.0.0.1:1"},
        {"name": "x", "type": "lmx", "host": "[::"},
        {"name": "x", "type": "openai", "host": "y"},
        {"name": "x", "type": "openai", "baseUrl": "http://127.0.0.1:1", "key": "a\nb"},
        {"name": "x", "type": "openai", "baseUrl": "http://127.0.0.1:1", "context": -1},
        {"name": "x", "type": "openai", "baseUrl": "http://127.0.0.1:1", "makeDefault": True},
    ],
)
def test_what_can_never_be_a_provider_is_refused_and_nothing_is_written(gateway: LocalGateway, wanted: dict[str, Any]) -> None:
    answer = gateway.post("/v3/providers", wanted)
    assert answer.status in (400, 422), answer
    assert "secret" not in answer.body.decode()
    assert read_config(gateway.paths.config) == {}


def test_an_odd_file_is_never_a_broken_answer(gateway: LocalGateway) -> None:
    for name, fields in {
        "a": {"type": "lmx", "host": "[::"},
        "b": {"type": "openai", "base-url": "no address"},
        "c": {"type": "lmx", "base-url": "http://x:y"},
        "d": {"type": "openai", "base-url": "http://user:secret@127.0.0.1:1/v1"},
    }.items():
        gateway.paths.config.write_text(with_entry("", ["providers", name], fields))
        assert (gateway.get("/v3/providers").status, gateway.get("/v3/models").status) == (200, 200)
        assert not providers(gateway)[name]["healthy"] and "secret" not in gateway.get("/v3/providers").body.decode()


def test_discovery_answers_with_a_list_and_leaves_the_daemons_ports_out(gateway: LocalGateway) -> None:
    answer = gateway.get("/v3/providers/discover")
    assert answer.status == 200
    assert all(server["baseUrl"].startswith("http://127.0.0.1:") and server["command"] for server in answer.json()["servers"])
