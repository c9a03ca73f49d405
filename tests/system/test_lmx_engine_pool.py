"""Several models behind one LMX: found by name, loaded when asked for, put away for each other, refused with figures when they do not fit."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from support.daemon import Daemon
from support.hub_server import HubServer
from support.lmx import admin, admin_key, get, lmx, news, port_of
from support.oracles import until
from support.random_model import make_random_lfm2, make_random_qwen3

pytestmark = pytest.mark.system

CONFIG = '[lmx]\nmodel = "one"\naliases = ["gpt-4o=two"]\n'
ASKED: Any = [{"role": "user", "content": "hello"}]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    home = tmp_path_factory.mktemp("pool")
    daemon = Daemon(home, only="lmx", config=CONFIG)
    make_random_qwen3(daemon.home / "models/one")
    make_random_qwen3(daemon.home / "models/two", seed=2)
    make_random_qwen3(daemon.home / "models/vectors", seed=3)
    (daemon.home / "models/vectors/1_Pooling").mkdir()
    (daemon.home / "models/vectors/1_Pooling/config.json").write_text('{"pooling_mode_lasttoken": true}')
    with lmx(home, daemon):
        yield daemon


@pytest.fixture
def client(server: Daemon) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"http://127.0.0.1:{port_of(server)}/v1", api_key="none", max_retries=0) as made:
        yield made


def states(daemon: Daemon) -> dict[str, str]:
    return {model["id"]: model["state"] for model in admin(daemon, "GET", "/admin/models").json()["models"]}


def answer(client: openai.OpenAI, model: str) -> tuple[str, str]:
    made = client.chat.completions.create(model=model, messages=ASKED, max_tokens=8)
    return made.model, made.choices[0].message.content or ""


def test_a_model_is_loaded_when_it_is_asked_for_and_names_nobody_knows_get_the_default(server: Daemon, client: openai.OpenAI) -> None:
    assert states(server) == {"one": "loaded", "probe": "on disk", "two": "on disk", "vectors": "on disk"}
    assert answer(client, "two")[0] == "two"
    assert answer(client, "gpt-4o") == answer(client, "two")
    assert answer(client, "whatever") == answer(client, "one")
    assert answer(client, "one")[1] != answer(client, "two")[1]
    assert states(server)["two"] == "loaded"
    assert client.models.retrieve("vectors").to_dict()["capability"] == "embedding"


def test_vectors_come_from_a_model_for_them_beside_one_that_talks(server: Daemon, client: openai.OpenAI) -> None:
    made = client.embeddings.create(model="text-embedding-3-small", input=["a", "b", "a"], encoding_format="float")
    assert made.model == "vectors"
    assert made.data[0].embedding == made.data[2].embedding != made.data[1].embedding
    as_the_client_likes_it = client.embeddings.create(model="vectors", input="a")
    assert as_the_client_likes_it.data[0].embedding == pytest.approx(made.data[0].embedding)
    shorter = client.embeddings.create(model="vectors", input="a", dimensions=8).data[0].embedding
    assert len(shorter) == 8
    assert sum(number * number for number in shorter) == pytest.approx(1, abs=1e-4)
    for fields in ({"input": []}, {"input": ""}, {"input": "a", "dimensions": 9999}, {"input": "a" * 5000}):
        with pytest.raises(openai.BadRequestError):
            client.embeddings.create(model="vectors", **fields)  # type: ignore[arg-type]
    assert answer(client, "one")[0] == "one"


def test_an_admin_loads_and_unloads_and_nobody_else(server: Daemon) -> None:
    loaded = admin(server, "POST", "/admin/models/load", {"model": "two", "pin": True}).json()
    assert (loaded["state"], loaded["pinned"]) == ("loaded", True)
    assert admin(server, "POST", "/admin/models/unload", {"model": "two"}).status == 200
    assert states(server)["two"] == "on disk"
    assert admin(server, "POST", "/admin/models/unload", {"model": "two"}).status == 404
    assert admin(server, "POST", "/admin/models/load", {"model": "absent"}).status == 404
    assert admin(server, "POST", "/admin/models/load", {"model": "../one"}).status == 400
    assert get(port_of(server), "/admin/models").status == 401
    assert get(port_of(server), "/admin/models", ("Authorization", "Bearer wrong")).status == 401


def test_a_stream_of_a_model_that_is_unloaded_ends_with_an_error(server: Daemon, client: openai.OpenAI) -> None:
    stream = client.chat.completions.create(model="two", messages=ASKED, max_tokens=480, stream=True, logit_bias={"256": -100})
    next(iter(stream))
    assert admin(server, "POST", "/admin/models/unload", {"model": "two"}).status == 200
    with pytest.raises(openai.APIError) as ended:
        list(stream)
    assert ended.value.code == "engine_lost"


def test_what_happens_to_models_is_reported_as_it_happens(server: Daemon) -> None:
    admin(server, "POST", "/admin/models/load", {"model": "two"})
    admin(server, "POST", "/admin/models/unload", {"model": "two"})
    events = news(server, 6)
    reported = [(event["event"], event.get("model")) for event in events]
    assert ("loaded", "one") in reported
    numbers = [event["number"] for event in events]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def test_figures_are_kept_by_model_and_caller(server: Daemon, client: openai.OpenAI) -> None:
    answer(client, "one")
    text = get(port_of(server), "/metrics").body.decode()
    assert 'lmx_caller_tokens_total{model="one",caller="' in text
    assert 'lmx_model_loaded{model="one"} 1' in text
    assert "none" not in text  # the key of the client itself
    assert admin_key(server) not in text


def test_one_model_replaces_another_and_what_does_not_fit_is_refused_with_figures(tmp_path: Path) -> None:
    # A model that has done nothing is counted with a little more than 332 MiB: two fit below three quarters of 1000, beside the prefixes.
    daemon = Daemon(tmp_path, only="lmx", config='[lmx]\nmodel = "one"\npinned = ["one"]\nmemory-limit-mb = 1000\nidle-s = 15\n')
    for name in ("one", "two", "three"):
        make_random_qwen3(daemon.home / f"models/{name}")
    make_random_lfm2(daemon.home / "models/huge")
    with open(daemon.home / "models/huge/more.safetensors", "wb") as weights:
        weights.truncate(2**31)
    with lmx(tmp_path, daemon):
        assert admin(daemon, "POST", "/admin/models/load", {"model": "two"}).status == 200
        assert admin(daemon, "POST", "/admin/models/load", {"model": "three"}).status == 200
        # The pinned one stayed, and the one unused for the longest went.
        assert states(daemon) == {"huge": "on disk", "one": "loaded", "probe": "on disk", "three": "loaded", "two": "on disk"}
        refused = admin(daemon, "POST", "/admin/models/load", {"model": "huge"})
        assert refused.status == 503
        assert "2.3 GiB" in refused.error["message"]
        assert "750 MiB" in refused.error["message"]
        assert "opta models unload" in refused.error["message"]
        # Nobody asks for it any more.
        assert until(lambda: states(daemon)["three"] == "on disk", 40)
        assert states(daemon)["one"] == "loaded"


def test_the_daemon_shows_loads_and_unloads_models(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path, config='[lmx]\nmodel = "probe"\n')
    make_random_qwen3(daemon.home / "models/tiny")
    with daemon:
        assert until(lambda: [model["id"] for model in daemon.client.get("/v3/lmx/status")["models"]] == ["probe"], 20)
        daemon.client.post("/v3/lmx/models/load", {"model": "tiny"})
        found = daemon.client.get("/v3/lmx/models")
        assert {model["id"]: model["state"] for model in found["models"]} == {"probe": "loaded", "tiny": "loaded"}
        assert 0 < found["memory"]["used"] < found["memory"]["limit"]
        daemon.client.post("/v3/lmx/models/unload", {"model": "tiny"})
        assert until(lambda: daemon.client.get("/v3/metrics")["lmx"].get("loaded") == ["probe"], 10)
        figures = daemon.client.get("/v3/metrics")["lmx"]
        assert figures["memoryLimit"] < figures["memoryTotal"]
        listed = json.loads(daemon.opta("models", "list", "--json").stdout)
        assert [model["id"] for model in listed["models"]] == ["probe", "tiny"]
        bench = daemon.opta("models", "bench", "probe", "--tokens", "4", "--prompt", "5", "--json")
        assert bench.returncode == 0, bench.stderr
        measured = json.loads(bench.stdout)
        assert measured["model"] == "probe"
        assert [batch["at_once"] for batch in measured["batches"]] == [1, 2, 4, 8, 16]
        assert all(batch["total"] > 0 for batch in measured["batches"])
        assert "unknown" not in daemon.opta("models", "use", "tiny").stdout
        assert 'model = "tiny"' in (daemon.home / "config.toml").read_text()


def test_a_model_is_pulled_from_a_hub_and_used(tmp_path: Path) -> None:
    make_random_qwen3(tmp_path / "repo", seed=4)
    (tmp_path / "repo/README.md").write_text("---\nlicense: apache-2.0\n---\n")
    with HubServer(tmp_path / "repo") as hub:
        daemon = Daemon(tmp_path, only="lmx", config=f'[lmx]\nhub = "{hub.url}"\n')
        with lmx(tmp_path, daemon):
            asked = daemon.opta("models", "pull", "tiny/model")
            assert "licence apache-2.0" in asked.stdout
            assert "Nothing was fetched" in asked.stderr
            assert "There is no model" in daemon.opta("models", "pull", "tiny/absent", "--yes").stderr
            assert "OWNER/NAME" in daemon.opta("models", "pull", "../x", "--yes").stderr
            done = daemon.opta("models", "pull", "tiny/model", "--yes")
            assert "opta models use model" in done.stdout, done.stderr
            assert "is a model 'model' already" in daemon.opta("models", "pull", "tiny/model", "--yes").stderr
            assert daemon.opta("models", "use", "model").returncode == 0
            (entry,) = [model for model in admin(daemon, "GET", "/admin/models").json()["models"] if model["id"] == "model"]
            assert (entry["state"], entry["repo"], entry["licence"], len(entry["revision"])) == ("loaded", "tiny/model", "apache-2.0", 40)
