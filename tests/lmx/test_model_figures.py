"""What LMX says of its models beside their names: how far a load is, how fast their answers were, and one division of the memory."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from support.in_process_lmx import InProcessLmx, ScriptedEngine, in_process_lmx
from support.random_model import make_random_qwen3

from opta_core.lmx_settings import LmxSettings
from opta_lmx.engine_client.in_process import InProcessEngine
from opta_lmx.ipc.messages import Delta, EngineConfig, EngineMessage, Finished, Loading
from opta_lmx.models.engine_pool import EnginePool
from opta_lmx.models.found.recommendation import advise
from opta_lmx.models.model_events import ModelEvents
from opta_protocol.lmx import LmxCatalog

CHAT = {"model": "probe", "messages": [{"role": "user", "content": "hello"}]}


def models_of(lmx: InProcessLmx) -> dict[str, Any]:
    """The answer of /admin/models."""
    with lmx.client(lmx.keys.admin_key()) as client:
        return dict(client.get("/admin/models").json())


def ten_tokens(order: Any) -> list[EngineMessage]:
    return [
        *(Delta(id=order.id, text="word ") for _ in range(10)),
        Finished(id=order.id, finish="stop", prompt_tokens=7, completion_tokens=10),
    ]


def test_the_speed_of_a_model_is_measured_from_its_answers_and_there_is_none_before(tmp_path: Path) -> None:
    with in_process_lmx(tmp_path, lambda _, send: ScriptedEngine(send, ten_tokens)) as lmx:
        assert models_of(lmx)["models"][0]["speed"] is None
        with lmx.client() as client:
            for _ in range(3):
                assert client.post("/v1/chat/completions", json=CHAT | {"stream": True}).status_code == 200
            assert 'lmx_model_tokens_per_second{model="probe"}' in client.get("/metrics").text
        speed = models_of(lmx)["models"][0]["speed"]
    assert speed["requests"] == 3 and speed["tokens_per_s"] > 0 and speed["now_tokens_per_s"] > 0


def test_an_answer_of_two_tokens_has_a_first_token_and_no_speed(tmp_path: Path) -> None:
    with in_process_lmx(tmp_path) as lmx:
        with lmx.client() as client:
            client.post("/v1/chat/completions", json=CHAT)
        speed = models_of(lmx)["models"][0]["speed"]
    assert (speed["requests"], speed["tokens_per_s"]) == (1, 0)


def test_what_models_may_take_is_what_a_recommendation_counts_with(tmp_path: Path) -> None:
    with in_process_lmx(tmp_path) as lmx:
        memory = models_of(lmx)["memory"]
    assert memory["models"] == advise(LmxCatalog(models=[], limit=memory["limit"])).available
    assert memory["models"] + memory["prefixes"] <= memory["limit"] <= memory["total"]


class Unloaded(InProcessEngine):
    """An engine whose model is still being read."""

    def start(self) -> None:
        self.receive([Loading(done=25, total=100)])


def test_a_load_says_how_much_of_the_weights_is_in_memory(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()

    async def details() -> tuple[Any, Any]:
        pool = EnginePool(
            tmp_path / "models",
            LmxSettings(),
            ModelEvents(),
            make_client=lambda config, report: Unloaded(config.name, report, lambda send: ScriptedEngine(send)),
        )
        engine = await pool.load("probe")
        loading = pool.details_of(engine)
        engine.receive([ScriptedEngine(lambda _: None).loaded()])
        return loading, pool.details_of(engine)

    loading, loaded = asyncio.run(details())
    assert (loading.state, loading.load_done, loading.load_total) == ("loading", 25, 100)
    assert (loaded.state, loaded.load_done, loaded.load_total, loaded.loading_s) == ("loaded", 0, 0, 0.0)


def test_an_engine_reports_its_weights_while_it_reads_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from opta_lmx.engine import mlx_adapter
    from opta_lmx.engine.mlx_engine import MlxEngine

    make_random_qwen3(tmp_path / "tiny")
    monkeypatch.setattr(mlx_adapter, "REPORT_BYTES_MIN", 10_000)
    sent: list[EngineMessage] = []
    MlxEngine(EngineConfig(name="tiny", folder=str(tmp_path / "tiny")), sent.extend)
    seen = [(message.done, message.total) for message in sent if isinstance(message, Loading)]
    assert len(seen) > 2 and seen[0][0] == 0 and seen == sorted(seen)
    assert all(done < total for done, total in seen) and len({total for _, total in seen}) == 1
