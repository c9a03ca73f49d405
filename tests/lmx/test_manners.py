"""What a request does not say is as the model's folder and the user's settings say it, in the real engine and before it."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.random_model import TEMPLATE, make_random_qwen3
from support.served import Served

from opta_core import setting_keys
from opta_core.errors import Refused
from opta_core.provider_settings import ModelSettings
from opta_core.settings import load
from opta_lmx.api import completions
from opta_lmx.api.chat import request as chat
from opta_lmx.api.messages import request as messages
from opta_lmx.api.request_body import Ignored
from opta_lmx.engine.manners import Manners
from opta_lmx.ipc.messages import Generate, ModelPreset
from opta_lmx.models.presets import preset_of

SAMPLED = {"do_sample": True, "temperature": 0.7, "top_p": 0.8, "top_k": 20, "repetition_penalty": 1.05, "eos_token_id": [1, 2]}


def chat_order(body: dict[str, Any]) -> Generate:
    found = Ignored()
    request = msgspec.convert(body, chat.ChatRequest)
    return chat.order_of(request, chat.tools_of(request, found), found)


def messages_order(body: dict[str, Any]) -> Generate:
    return messages.order_of(msgspec.convert(body, messages.MessagesRequest), Ignored())


def completion_order(body: dict[str, Any]) -> Generate:
    return completions.orders_of(msgspec.convert(body, completions.CompletionRequest))[0]


def order(**more: Any) -> Generate:
    return Generate(id=1, messages=[{"role": "user", "content": "Hello"}], **more)


def manners(folder: Path, config: Any = None, **preset: Any) -> Manners:
    if config is not None:
        (folder / "generation_config.json").write_text(config if isinstance(config, str) else json.dumps(config))
    return Manners(folder, ModelPreset(**preset))


def test_what_a_request_leaves_open_is_as_the_folder_says(tmp_path: Path) -> None:
    applied = manners(tmp_path, SAMPLED).applied(order())
    assert (applied.temperature, applied.top_p, applied.top_k, applied.repetition_penalty) == (0.7, 0.8, 20, 1.05)


def test_what_a_request_says_stays(tmp_path: Path) -> None:
    applied = manners(tmp_path, SAMPLED).applied(order(temperature=0.2, top_p=1.0, chosen=["temperature", "top_p"]))
    assert (applied.temperature, applied.top_p, applied.top_k) == (0.2, 1.0, 20)


def test_temperature_0_is_greedy_and_nothing_else(tmp_path: Path) -> None:
    asked = order(temperature=0.0, chosen=["temperature"])
    assert manners(tmp_path, SAMPLED, presence_penalty=1.0).applied(asked) == asked


@pytest.mark.parametrize(
    ("config", "sampling"),
    [
        ({"do_sample": True, "top_k": 64, "top_p": 0.95}, {"temperature": 1.0, "top_k": 64, "top_p": 0.95}),
        ({"do_sample": False, "temperature": 0.7}, {}),
        ({"eos_token_id": 2}, {}),
        ({"temperature": 0.6, "top_p": 0.95}, {"temperature": 0.6, "top_p": 0.95}),
        ({"do_sample": True, "temperature": "hot", "top_p": -1, "top_k": True, "repetition_penalty": 1.0}, {"temperature": 1.0}),
        ("{broken", {}),
        ("[]", {}),
        ("[" * 100_000, {}),
        ('{"do_sample": true, "temperature": NaN}', {"temperature": 1.0}),
    ],
)
def test_a_file_of_any_kind_gives_what_is_valid_in_it(tmp_path: Path, config: Any, sampling: dict[str, float]) -> None:
    assert manners(tmp_path, config).sampling == sampling


def test_the_users_settings_count_more_than_the_folder_and_less_than_the_request(tmp_path: Path) -> None:
    made = manners(
        tmp_path, SAMPLED, temperature=0.1, seed=5, thinking=False, thinking_budget=100, template_arguments={"style": "brief", "lang": "de"}
    )
    applied = made.applied(order(template_arguments={"lang": "en"}))
    assert (applied.temperature, applied.top_p, applied.seed, applied.thinking, applied.thinking_budget) == (0.1, 0.8, 5, False, 100)
    assert applied.template_arguments == {"style": "brief", "lang": "en"}
    said = made.applied(order(thinking=True, effort="high", seed=7, temperature=1.5))
    assert (said.temperature, said.seed, said.thinking, said.effort) == (1.5, 7, True, "high")


def test_the_length_of_an_answer_is_as_the_user_sets_it_where_the_request_does_not(tmp_path: Path) -> None:
    made = manners(tmp_path, max_tokens=300)
    assert made.applied(order(max_tokens=4096)).max_tokens == 300
    assert made.applied(order(max_tokens=4096, chosen=["max_tokens"])).max_tokens == 4096
    # Only the prompt is counted.
    assert made.applied(order(max_tokens=0)).max_tokens == 0
    assert manners(tmp_path).applied(order(max_tokens=4096)).max_tokens == 4096
    assert preset_of({"qwen3": ModelSettings(max_tokens=300)}, "qwen3") == ModelPreset(max_tokens=300)


@pytest.mark.parametrize(
    ("order_of", "body", "field", "default"),
    [
        (chat_order, {"messages": [{"role": "user", "content": "hi"}]}, "max_tokens", 4096),
        (chat_order, {"messages": [{"role": "user", "content": "hi"}]}, "max_completion_tokens", 4096),
        (messages_order, {"messages": [{"role": "user", "content": "hi"}]}, "max_tokens", 4096),
        (completion_order, {"prompt": "hi"}, "max_tokens", 16),
    ],
)
def test_every_api_says_whether_a_request_sets_the_length(order_of: Any, body: dict[str, Any], field: str, default: int) -> None:
    without, with_ = order_of({"model": "m", **body}), order_of({"model": "m", **body, field: 7})
    assert (without.max_tokens, "max_tokens" in without.chosen) == (default, False)
    assert (with_.max_tokens, "max_tokens" in with_.chosen) == (7, True)


def test_the_context_is_the_smaller_one(tmp_path: Path) -> None:
    large = {"text_config": {"max_position_embeddings": 2048}}
    assert manners(tmp_path, context=512).context_length(large) == 512
    assert manners(tmp_path, context=4096).context_length(large) == 2048
    assert manners(tmp_path, context=512).context_length({}) == 512
    assert manners(tmp_path).context_length({}) == 0


def test_presets_are_the_settings_of_the_model_by_either_name() -> None:
    models = {
        "qwen3": ModelSettings(temperature=0.0, top_k=5, thinking="high"),
        "lmx/qwen3": ModelSettings(top_k=7, thinking=False, context=900, template_arguments={"style": "brief"}),
        "cloud/qwen3": ModelSettings(top_k=99),
    }
    assert preset_of(models, "qwen3") == ModelPreset(
        temperature=0.0, top_k=7, thinking=False, context=900, template_arguments={"style": "brief"}
    )
    assert preset_of({"qwen3": ModelSettings(thinking="high")}, "qwen3") == ModelPreset(thinking=True, effort="high")
    assert preset_of(models, "other") == ModelPreset()


def test_template_arguments_are_a_setting(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(
        '[models."lmx/qwen3"]\ntop-k = 4\n[models."lmx/qwen3".template-arguments]\nenable_thinking = false\nlang = "de"\n'
    )
    settings = load(variables={"OPTA_HOME": str(tmp_path)}).settings
    assert preset_of(settings.models, "qwen3") == ModelPreset(top_k=4, template_arguments={"enable_thinking": False, "lang": "de"})
    assert setting_keys.named_type("models.qwen3.template-arguments.lang") is not None
    with pytest.raises(Refused):
        setting_keys.check("models.qwen3.template-arguments.a.b", "config.toml", [])


def test_the_engine_samples_as_the_model_says(tmp_path: Path) -> None:
    make_random_qwen3(tmp_path / "tiny")
    greedy = [text for text, _, _ in Served(tmp_path / "tiny").ask({"seed": 1}, {"seed": 2})]
    (tmp_path / "tiny" / "generation_config.json").write_text(json.dumps({"do_sample": True, "temperature": 2.0}))
    served = Served(tmp_path / "tiny")
    one, two = (text for text, _, _ in served.ask({"seed": 1}, {"seed": 2}))
    assert greedy[0] == greedy[1]
    assert one != two
    asked = {"temperature": 0.0, "chosen": ["temperature"]}
    assert [text for text, _, _ in served.ask({"seed": 1, **asked})] == greedy[:1]


def test_the_engine_renders_and_limits_as_the_user_sets(tmp_path: Path) -> None:
    make_random_qwen3(tmp_path / "tiny")
    (tmp_path / "tiny" / "chat_template.jinja").write_text(
        "{% if enable_thinking is defined and not enable_thinking %}off{% endif %}{{ style }}" + TEMPLATE
    )
    plain, preset = (
        Served(tmp_path / "tiny", preset=ModelPreset(**more))
        for more in ({}, {"thinking": False, "template_arguments": {"style": "ab"}, "context": 60})
    )
    ((_, _, one),), ((_, _, two),) = plain.ask({"max_tokens": 1}), preset.ask({"max_tokens": 1})
    assert two.prompt_tokens > one.prompt_tokens
    assert (plain.engine.loaded().context_length, preset.engine.loaded().context_length) == (512, 60)
