"""LoRA adapters by request: `model: name+adapter` computes what mlx-lm computes with that adapter, beside requests with others and with none."""

import json
from pathlib import Path
from typing import Any

import mlx.core as mx
import pytest
from mlx_lm import generate, load
from support.in_process_lmx import in_process_lmx
from support.random_adapter import as_peft, make_random_adapter
from support.random_model import make_random_of
from support.served import Served

from opta_core.lmx_settings import LmxSettings
from opta_lmx.engine.mlx_engine import MlxEngine
from opta_lmx.ipc.messages import Failed

QUESTIONS = ["Say something", "Write a word about trees " * 30, "1 2 3"]
FAMILIES = ["qwen3", "gemma3_text", "gpt_oss", "deepseek_v3", "falcon_h1"]


def expected(model: Path, adapter: Path | None, prompt: list[int]) -> str:
    """What mlx-lm says greedily."""
    loaded: Any = load(str(model), adapter_path=str(adapter) if adapter else None)
    return generate(loaded[0], loaded[1], prompt, max_tokens=24)


def made(tmp_path: Path, family: str = "qwen3", names: str = "ab", **more: Any) -> Path:
    """A model, with adapters of these names beside it."""
    model = tmp_path / family
    make_random_of(family, model, dtype="float32")
    for seed, name in enumerate(names, 1):
        make_random_adapter(tmp_path / name, model, seed=seed, **more)
    return model


def ask(adapter: Path | None, text: str) -> dict[str, Any]:
    named = {"adapter": str(adapter), "adapter_name": adapter.name} if adapter else {}
    return {"messages": [{"role": "user", "content": text}], "max_tokens": 24, **named}


@pytest.mark.parametrize("family", FAMILIES)
def test_answers_are_those_of_mlx_lm_beside_other_adapters_and_none(family: str, tmp_path: Path) -> None:
    model = made(tmp_path, family)
    served = Served(model)
    wanted = [(adapter, text) for text in QUESTIONS for adapter in (None, tmp_path / "a", tmp_path / "b")]
    prompts = [served.prompt(ask(None, text)["messages"]) for _, text in wanted]
    answers = [expected(model, adapter, prompt) for (adapter, _), prompt in zip(wanted, prompts, strict=True)]
    assert len(set(answers[:3])) == 3
    # Twice: the second time from the prefix cache, in another order.
    for order in (wanted, list(reversed(wanted))):
        for adapter, text in order:
            served.start(ask(adapter, text))
        said = [text for text, _, _ in served.finish()]
        assert said == (answers if order is wanted else list(reversed(answers)))


def test_the_prefix_cache_of_an_adapter_serves_no_other(tmp_path: Path) -> None:
    served = Served(made(tmp_path))
    cached: list[int] = []
    for adapter in (None, tmp_path / "a", tmp_path / "b", tmp_path / "a", None):
        served.start(ask(adapter, QUESTIONS[1]))
        cached.append(served.finish()[-1][2].cached_tokens)
    assert cached[:3] == [0, 0, 0] and cached[3] > 100 and cached[4] > 100


@pytest.mark.parametrize("keys", [["self_attn.q_proj"], ["mlp.down_proj", "self_attn.v_proj"]])
@pytest.mark.parametrize("use_rslora", [False, True])
def test_an_adapter_of_peft_is_the_same(keys: list[str], use_rslora: bool, tmp_path: Path) -> None:
    model = made(tmp_path, names="a", keys=keys)
    as_peft(tmp_path / "peft", tmp_path / "a", use_rslora=use_rslora)
    served = Served(model)
    for name in ("a", "peft"):
        served.start(ask(tmp_path / name, QUESTIONS[0]))
    first, second = (text for text, _, _ in served.finish())
    assert first == second == expected(model, tmp_path / "a", served.prompt(ask(None, QUESTIONS[0])["messages"]))


@pytest.mark.parametrize("keys", [["embed_tokens"], ["mlp.switch_mlp.down_proj", "mlp.switch_mlp.up_proj"]])
def test_tables_and_experts_are_changed_too(keys: list[str], tmp_path: Path) -> None:
    model = made(tmp_path, "deepseek_v3", "a", keys=keys) if "switch" in keys[0] else tmp_path / "qwen3"
    if "switch" not in keys[0]:
        make_random_of("qwen3", model, dtype="float32", tie_word_embeddings=True)
        make_random_adapter(tmp_path / "a", model)
        config, vocabulary = json.loads((tmp_path / "a/adapter_config.json").read_text()), json.loads((model / "config.json").read_text())
        shapes = {"lora_a": (vocabulary["vocab_size"], 4), "lora_b": (4, vocabulary["hidden_size"])}
        weights = {f"model.embed_tokens.{name}": 0.3 * mx.random.normal(shape) for name, shape in shapes.items()}
        mx.save_safetensors(str(tmp_path / "a/adapters.safetensors"), weights)
        config["lora_parameters"]["keys"] = ["model.embed_tokens"]
        (tmp_path / "a/adapter_config.json").write_text(json.dumps(config))
    served = Served(model)
    served.start(ask(tmp_path / "a", QUESTIONS[0]))
    served.start(ask(None, QUESTIONS[0]))
    changed, plain = (text for text, _, _ in served.finish())
    prompt = served.prompt(ask(None, QUESTIONS[0])["messages"])
    assert plain == expected(model, None, prompt) != changed
    assert changed == expected(model, tmp_path / "a", prompt)


def test_files_that_changed_are_another_adapter(tmp_path: Path) -> None:
    model = made(tmp_path)
    served, said = Served(model), list[str]()
    for name in "ab":
        (tmp_path / name / "adapters.safetensors").replace(tmp_path / "a/adapters.safetensors")
        served.start(ask(tmp_path / "a", QUESTIONS[0]))
        said.append(served.finish()[-1][0])
    prompt = served.prompt(ask(None, QUESTIONS[0])["messages"])
    assert said[0] != said[1] == expected(model, tmp_path / "a", prompt)


def test_adapters_that_were_not_used_for_long_give_their_memory_back(tmp_path: Path) -> None:
    names = "abcdefghijk"
    served, sizes = Served(made(tmp_path, names=names)), list[int]()
    for name in names:
        served.start(ask(tmp_path / name, QUESTIONS[0]))
        served.finish()
        sizes.append(served.engine.loaded().weight_bytes)
    assert sizes[0] < sizes[1] < sizes[7] == sizes[8] == sizes[10]
    # All of them at once: each stays until its answer is complete.
    started = {served.start(ask(tmp_path / name, QUESTIONS[0])): name for name in names}
    answers = {started[last.id]: text for text, _, last in served.finish() if last.id in started}
    assert answers.keys() == set(names) and len(set(answers.values())) > 8


def spoil(folder: Path, **files: bytes | None) -> None:
    """Replace or remove files of an adapter; `__` stands for the dot."""
    for name, content in files.items():
        file = folder / name.replace("__", ".")
        if content is None:
            file.unlink()
        else:
            file.write_bytes(content)


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"adapter_config__json": None}, "No such file"),
        ({"adapter_config__json": b"[1]"}, "its adapter_config.json is not a JSON object"),
        ({"adapter_config__json": b"{"}, "its adapter_config.json is not a JSON object"),
        ({"adapter_config__json": b'{"fine_tune_type": "dora"}'}, "it was trained as 'dora'"),
        ({"adapter_config__json": b'{"fine_tune_type": "full"}'}, "it was trained as 'full'"),
        (
            {"adapter_config__json": b'{"lora_parameters": {"scale": "20"}}'},
            "lora_parameters.scale in its adapter_config.json is not a number",
        ),
        ({"adapters__safetensors": None}, "it has neither adapters.safetensors nor adapter_model.safetensors"),
        ({"adapters__safetensors": b"x" * 100}, "its adapters.safetensors cannot be read"),
        ({"adapters__safetensors": b""}, "its adapters.safetensors cannot be read"),
    ],
)
def test_an_adapter_that_cannot_be_read_is_refused_with_the_reason(files: dict[str, bytes | None], reason: str, tmp_path: Path) -> None:
    served = Served(made(tmp_path, names="a"))
    spoil(tmp_path / "a", **files)
    served.start(ask(tmp_path / "a", QUESTIONS[0]))
    served.start(ask(None, QUESTIONS[0]))
    (_, _, failed), (text, _, _) = served.finish()
    assert isinstance(failed, Failed) and failed.code == "invalid" and text
    assert failed.message.startswith("The adapter a cannot be used with this model: ") and reason in failed.message


def test_an_adapter_of_another_model_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    model = made(tmp_path, names="a")
    make_random_of("qwen3", tmp_path / "wide", hidden_size=128)
    make_random_of("gemma3_text", tmp_path / "gemma")
    make_random_adapter(tmp_path / "of-wide", tmp_path / "wide")
    make_random_adapter(tmp_path / "of-gemma", tmp_path / "gemma")
    weights: dict[str, Any] = mx.load(str(tmp_path / "a/adapters.safetensors"))  # type: ignore[assignment]
    for name, more in (
        ("extra", {"model.norm.weight": mx.zeros(64)}),
        ("norm", {"model.norm.lora_a": mx.zeros((64, 4)), "model.norm.lora_b": mx.zeros((4, 64))}),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / "adapter_config.json").write_bytes((tmp_path / "a/adapter_config.json").read_bytes())
        mx.save_safetensors(str(tmp_path / name / "adapters.safetensors"), weights | more)
    served = Served(model)
    said: dict[str, Any] = {}
    for name in ("of-wide", "of-gemma", "extra", "norm"):
        served.start(ask(tmp_path / name, QUESTIONS[0]))
        said[name] = served.finish()[-1][2].message
    assert "it was trained for another model" in said["of-wide"]
    assert "which this model does not have" in said["of-gemma"]
    assert "model.norm.weight, which is no part of a LoRA adapter" in said["extra"]
    assert "LoRA does not change layers of the kind RMSNorm" in said["norm"]
    served.start(ask(None, QUESTIONS[0]))
    assert served.finish()[-1][0] == expected(model, None, served.prompt(ask(None, QUESTIONS[0])["messages"]))


def test_requests_name_an_adapter_with_its_model(tmp_path: Path) -> None:
    models = tmp_path / "models"
    made(models, names="ab")
    (models / "someone").mkdir()
    as_peft(models / "someone/Fine", models / "a")
    answers: dict[str, str] = {}
    with in_process_lmx(tmp_path, MlxEngine, LmxSettings(model="qwen3")) as lmx:
        client = lmx.client()

        def say(name: str, path: str = "/v1/chat/completions", **more: Any) -> Any:
            body = {"model": name, "messages": [{"role": "user", "content": "Say something"}], "max_tokens": 12, **more}
            return client.post(path, json=body)

        for name in ("qwen3", "qwen3+a", "qwen3+b", "qwen3+someone/Fine", "QWEN3+fine"):
            reply = say(name, temperature=0)
            assert reply.status_code == 200, reply.text
            answers[name] = reply.json()["choices"][0]["message"]["content"]
            assert reply.json()["model"] == name.replace("QWEN3+fine", "qwen3+someone/Fine")
        assert answers["qwen3"] != answers["qwen3+a"] != answers["qwen3+b"]
        assert answers["qwen3+a"] == answers["qwen3+someone/Fine"] == answers["QWEN3+fine"]
        # Every API names models in the same way.
        assert say("qwen3+a", "/v1/messages", temperature=0).json()["content"][0]["text"] == answers["qwen3+a"]
        assert say("qwen3+a", "/v1/messages", temperature=0).json()["model"] == "qwen3+a"
        assert (
            say("qwen3+a", "/api/chat", stream=False, options={"temperature": 0, "num_predict": 12}).json()["message"]["content"]
            == answers["qwen3+a"]
        )
        response = client.post(
            "/v1/responses", json={"model": "qwen3+a", "input": "Say something", "max_output_tokens": 12, "temperature": 0}
        )
        assert response.json()["output"][0]["content"][0]["text"] == answers["qwen3+a"]
        # What cannot be meant is refused: the model alone would be another answer.
        for name in ("qwen3+c", "qwen3+", "qwen3+a+b", "gpt-4o+a"):
            refused = say(name)
            assert (refused.status_code, refused.json()["error"]["code"]) == (404, "model_not_found"), name
            assert "the adapters here: a, b, someone/Fine" in refused.json()["error"]["message"]
        assert say("gpt-4o+vision").json()["model"] == "qwen3"
        refused = client.post("/v1/embeddings", json={"model": "qwen3+a", "input": "x"})
        assert refused.status_code == 400 and "an adapter, with which LMX computes no embeddings" in refused.json()["error"]["message"]
        listed = {entry["id"]: entry for entry in client.get("/v1/models").json()["data"]}
        assert {"qwen3", "qwen3+a", "qwen3+b", "qwen3+someone/Fine"} <= listed.keys()
        assert (listed["qwen3+a"]["base"], listed["qwen3+a"]["adapter"], listed["qwen3+a"]["default"]) == ("qwen3", "a", False)
        assert client.get("/v1/models/qwen3+a").json() == listed["qwen3+a"]
        assert client.get("/v1/models/probe+a").status_code == 200
        assert client.get("/v1/models/qwen3+c").status_code == 404
