"""The quick measurement of a model over HTTP: real requests to a server, one measurement at a time, results that are kept."""

import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from support.gateway import LocalGateway
from support.limits import limit_s
from support.model_server import Action, Fail, Hold, ModelServer, Say
from support.oracles import until_async

WORDS: Action = Say("word " * 64, size=5)
ABOUT = {"state": "loaded", "context_length": 4096}


@contextmanager
def measuring(folder: Path, actions: list[Action], about: dict[str, Any] | None = None) -> Generator[tuple[LocalGateway, ModelServer]]:
    """A gateway whose LMX is a server that answers every request with `actions`."""
    with ModelServer(lambda _: list(actions), about or ABOUT) as server, LocalGateway(folder) as gateway:
        (gateway.home / "config.toml").write_text(f'[lmx]\nhost = "127.0.0.1:{server.port}"\n')
        yield gateway, server
        gateway.run(gateway.gateway.benches.close())


@pytest.fixture
def quick(tmp_path: Path) -> Iterator[tuple[LocalGateway, ModelServer]]:
    with measuring(tmp_path, [WORDS]) as both:
        yield both


def ended(gateway: LocalGateway) -> dict[str, Any]:
    """The newest result, once nothing runs."""
    for _ in range(int(limit_s(30) * 20)):
        found = gateway.get("/v3/lmx/bench").json()
        if found["running"] is None:
            return dict(found["results"][0]) if found["results"] else {}
        # The loop of this gateway runs while it answers, and here.
        gateway.run(until_async(lambda: False, 0.05))
    raise AssertionError("it runs still")


def test_a_measurement_asks_at_each_length_that_fits_and_is_kept(quick: tuple[LocalGateway, ModelServer]) -> None:
    gateway, server = quick
    begun = gateway.post("/v3/lmx/bench", {"model": "scripted"})
    assert (begun.status, begun.json()["planned"]) == (202, [512, 2048])
    found = ended(gateway)
    assert (found["state"], found["model"], [point["wanted"] for point in found["points"]]) == ("done", "scripted", [512, 2048])
    for point in found["points"]:
        assert point["tokens"] > 0 and point["promptPerS"] > 0 and point["tokensPerS"] > 0 and point["answerTokens"] == 64
    # Two requests to load it and to count its tokens, one for each length; no prompt begins like another.
    assert len(server.requests) == 4
    prompts = [request.body["messages"][0]["content"] for request in server.requests]
    assert len({prompt[:16] for prompt in prompts}) == 4
    gateway.post("/v3/lmx/bench", {"model": "scripted"})
    ended(gateway)
    assert len(gateway.get("/v3/lmx/bench").json()["results"]) == 2


def test_one_runs_at_a_time_and_stopping_it_keeps_what_it_measured(tmp_path: Path) -> None:
    hold = threading.Event()
    with measuring(tmp_path, [WORDS, Hold(hold)]) as (gateway, server):
        assert gateway.post("/v3/lmx/bench", {"model": "scripted"}).status == 202
        assert gateway.post("/v3/lmx/bench", {"model": "scripted"}).refusal == (409, "conflict")
        assert gateway.run(until_async(lambda: bool(server.requests)))
        stopped = gateway.post("/v3/lmx/bench/stop", {}).json()
        hold.set()
        assert stopped["running"] is None and stopped["results"] == []
        # Nothing was measured: nothing is kept; the next one may begin.
        assert gateway.post("/v3/lmx/bench", {"model": "scripted"}).status == 202
        ended(gateway)


def test_what_cannot_be_measured_says_why(tmp_path: Path) -> None:
    with measuring(tmp_path, [Fail(400, "The prompt needs 3.0 GiB of memory.")]) as (gateway, _):
        gateway.post("/v3/lmx/bench", {"model": "scripted"})
        found = ended(gateway)
        assert (found["state"], found["reason"]) == ("failed", "The prompt needs 3.0 GiB of memory.")


def test_an_answer_that_is_too_short_has_no_speed(tmp_path: Path) -> None:
    with measuring(tmp_path, [Say("no")], {"state": "loaded", "context_length": 256}) as (gateway, _):
        gateway.post("/v3/lmx/bench", {"model": "scripted"})
        (point,) = ended(gateway)["points"]
        assert not point.get("tokensPerS") and "too few for a speed" in point["problem"] and point["wanted"] == 64


@pytest.mark.parametrize(
    ("body", "status"),
    [({"model": "gone"}, 404), ({}, 422), ({"model": 1}, 422), ({"model": "x" * 300}, 422), ({"model": "a", "more": 1}, 422)],
)
def test_bad_input_is_refused(quick: tuple[LocalGateway, ModelServer], body: dict[str, Any], status: int) -> None:
    answer = quick[0].post("/v3/lmx/bench", body)
    assert answer.status == status and answer.error["message"]


def test_an_lmx_that_does_not_answer_is_said_at_once(tmp_path: Path) -> None:
    with LocalGateway(tmp_path) as gateway:
        (gateway.home / "config.toml").write_text('[lmx]\nhost = "127.0.0.1:9"\n')
        answer = gateway.post("/v3/lmx/bench", {"model": "a"})
        assert answer.refusal == (503, "unavailable")
        assert gateway.get("/v3/lmx/bench").json() == {"running": None, "results": []}
