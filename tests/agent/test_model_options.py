"""How a model is asked: options of user and project, the length of its answer, and thinking with its budget."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.story import TURN, Scripted, Story, messages

from opta_agent.loop import run_turn
from opta_agent.model_options import ModelOptions, answer_tokens, user_options, with_project
from opta_agent.providers.base import CallPart, End, ModelRequest, TextPart, Thinking, Usage
from opta_agent.providers.chat_fields import chat_fields
from opta_agent.router import Route
from opta_agent.turn_run import Collaborators, TurnLimits
from opta_core import project_settings
from opta_core.errors import OptaError, Refused
from opta_core.provider_settings import ModelSettings, ProviderSettings, SamplingSettings
from opta_core.settings import Settings
from opta_protocol import events as e
from opta_protocol.error_info import ErrorCode

DONE = End("stop", Usage(prompt=10, completion=20))


def test_options_of_a_model_count_more_than_those_of_its_provider_and_a_projects_more_than_the_users(tmp_path: Path) -> None:
    settings = Settings(
        thinking=True,
        providers={"p": ProviderSettings(type="openai", base_url="http://x", options=SamplingSettings(temperature=0.1, top_p=0.9, seed=1))},
        models={
            "m": ModelSettings(temperature=0.2),
            "p/m": ModelSettings(top_k=40, thinking="low", max_tokens=500),
            "q/m": ModelSettings(min_p=0.5),
        },
    )
    options = user_options(settings, "p", "m", can_think=True, server="vllm")
    assert options.sampling == {"temperature": 0.2, "top_p": 0.9, "top_k": 40, "seed": 1}
    assert (options.answer_tokens, options.thinking, options.server) == (500, "low", "vllm")

    (tmp_path / ".opta").mkdir()
    (tmp_path / ".opta/config.toml").write_text(
        'thinking-budget = 900\n[providers.p.options]\ntemperature = 0.7\n[models.m]\nthinking = false\n[models."p/m"]\ntop-k = 5\n'
    )
    ours = with_project(options, project_settings.read(str(tmp_path)), "p", "m")
    assert ours.sampling == {"temperature": 0.7, "top_p": 0.9, "top_k": 5, "seed": 1}
    assert (ours.thinking, ours.thinking_budget, ours.answer_tokens) == ("off", 900, 500)


@pytest.mark.parametrize(
    "content",
    [
        '[providers.p]\nbase-url = "http://evil"\n',
        '[providers.p]\ntype = "openai"\n',
        'default-model = "evil/x"\n',
        "[aliases]\nfast = 5\n",
        "[sandbox]\nenabled = false\n",
        '[providers.p.options]\nbase-url = "http://evil"\n',
        "[models.m]\ntemperature = 900\n",
        "[models.m]\ntemperature = \"hot\"\n",
        "thinking-budget = -1\n",
        "[diagnostics]\nenabled = false\n",
        '[diagnostics]\ncommands = ["evil"]\n',
        '[diagnostics]\ncommands = "*.py: evil"\n',
        "= nonsense",
        "x" * 70_000,
        "\udcff",
    ],
)  # fmt: skip
def test_a_project_can_set_nothing_else(tmp_path: Path, content: str) -> None:
    (tmp_path / ".opta").mkdir()
    (tmp_path / ".opta/config.toml").write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(Refused) as refused:
        project_settings.read(str(tmp_path))
    assert "evil" not in refused.value.message


def test_a_projects_file_is_not_read_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real/config.toml").write_text("thinking = true\n")
    (tmp_path / "a").mkdir()
    (tmp_path / "a/.opta").symlink_to(tmp_path / "real")
    (tmp_path / "b/.opta").mkdir(parents=True)
    (tmp_path / "b/.opta/config.toml").symlink_to(tmp_path / "real/config.toml")
    for name in ("a", "b", "nowhere"):
        assert project_settings.read(str(tmp_path / name)) == project_settings.NONE


@pytest.mark.parametrize(
    ("limit", "prompt_bytes", "options", "tokens"),
    [
        (0, 4000, ModelOptions(), 8192),
        (8192, 4000, ModelOptions(), 7192),
        (8192, 40_000, ModelOptions(), 1024),
        (1_000_000, 0, ModelOptions(), 32_768),
        (8192, 4000, ModelOptions(answer_tokens=300), 300),
        (4, 0, ModelOptions(), 4),
    ],
)
def test_the_longest_answer_is_what_the_context_leaves(limit: int, prompt_bytes: int, options: ModelOptions, tokens: int) -> None:
    assert answer_tokens(options, limit, prompt_bytes) == tokens


def fields(server: str, **asked: Any) -> dict[str, Any]:
    return chat_fields(ModelRequest(model="m", messages=msgspec.Raw(b"[]"), tools=msgspec.Raw(b""), server=server, **asked))


@pytest.mark.parametrize(
    ("server", "asked", "sent"),
    [
        ("vllm", {"thinking": "off"}, {"chat_template_kwargs": {"enable_thinking": False}}),
        (
            "vllm",
            {"thinking": "on", "thinking_budget": 99},
            {"chat_template_kwargs": {"enable_thinking": True}, "thinking_token_budget": 99},
        ),
        ("llama.cpp", {"thinking_budget": 99}, {"thinking_budget_tokens": 99}),
        ("llama.cpp", {"options": {"repetition_penalty": 1.1}}, {"repeat_penalty": 1.1}),
        ("ollama", {"thinking": "off"}, {"reasoning_effort": "none"}),
        ("ollama", {"thinking": "high", "thinking_budget": 99}, {"reasoning_effort": "high"}),
        ("cloud", {"thinking": "on"}, {"reasoning_effort": "medium"}),
        ("openrouter", {"thinking": "on", "thinking_budget": 99}, {"reasoning": {"max_tokens": 99}}),
        ("openrouter", {"thinking": "off"}, {"reasoning": {"enabled": False}}),
        ("", {"thinking": "auto", "max_tokens": 7}, {"max_tokens": 7}),
    ],
)
def test_each_server_gets_thinking_in_its_form(server: str, asked: dict[str, Any], sent: dict[str, Any]) -> None:
    assert fields(server, **asked) == sent


def test_a_model_that_cannot_think_is_not_asked_to() -> None:
    provider = Scripted([TextPart("hi"), DONE])
    Story().play(provider, options=ModelOptions(thinking="high", can_think=False))
    assert provider.requests[0].thinking == "auto"


def test_thinking_is_counted_apart_where_the_server_does_not() -> None:
    story = Story()
    ending = story.play(Scripted([Thinking("x" * 60), TextPart("y" * 20), DONE]))
    (done,) = [event for event in story.events if isinstance(event, e.StepDone)]
    assert (done.thinkingTokens, ending.thinkingTokens, ending.tokens) == (15, 15, 20)


def test_a_model_that_thinks_beyond_its_budget_is_asked_to_answer_and_does_not_think_again_in_this_turn() -> None:
    story = Story()
    provider = Scripted(
        [Thinking("x" * 100)] * 50,
        [CallPart("c", "list_dir", "{}"), End("tool_calls", Usage(prompt=10, completion=5))],
        [TextPart("done"), DONE],
    )
    ending = story.play(provider, options=ModelOptions(thinking="on", thinking_budget=100))
    assert [request.thinking for request in provider.requests] == ["on", "off", "off"]
    assert [request.thinking_budget for request in provider.requests] == [100, 0, 0]
    said = messages(provider, 1)
    assert [message["role"] for message in said] == ["system", "user"]
    assert "without further thinking" in said[-1]["content"]
    (warning,) = [event for event in story.events if isinstance(event, e.Warning)]
    assert (warning.code, "thinking-budget" in warning.message) == ("thinking_budget", True)
    assert ending.thinkingTokens > 100


def test_a_model_that_cannot_stop_thinking_ends_its_turn_with_the_reason() -> None:
    with pytest.raises(OptaError, match="thinking-budget") as error:
        Story().play(Scripted([Thinking("x" * 100)] * 50, [Thinking("y" * 100)] * 50), options=ModelOptions(thinking_budget=100))
    assert error.value.code == "no_answer" and not error.value.retryable


def test_what_was_thought_in_earlier_steps_is_taken_from_the_budget() -> None:
    provider = Scripted(
        [Thinking("x" * 40), CallPart("c", "list_dir", "{}"), End("tool_calls", Usage(prompt=9, completion=90, thinking=60))],
        [TextPart("ok"), DONE],
    )
    Story().play(provider, options=ModelOptions(thinking="on", thinking_budget=100))
    assert [request.thinking_budget for request in provider.requests] == [100, 40]


@pytest.mark.parametrize(
    ("wanted", "reached"),
    [("quick", "p/small"), ("mine", "mine"), ("other", "model_not_found"), ("loop", "model_not_found"), ("", "")],
)
def test_a_projects_alias_names_a_model_where_nothing_else_has_that_name(tmp_path: Path, wanted: str, reached: str) -> None:
    (tmp_path / ".opta").mkdir()
    (tmp_path / ".opta/config.toml").write_text('[aliases]\nquick = "p/small"\nmine = "cloud/large"\nloop = "loop"\n"" = "cloud/large"\n')
    asked: list[str] = []
    provider = Scripted([TextPart("hi"), DONE])

    async def choose(name: str) -> Route:
        if name not in ("p/small", "mine", ""):
            raise Refused("no such model", code=ErrorCode.model_not_found)
        asked.append(name)
        return Route(provider, "m", 1000)

    async def backpressure() -> None:
        return

    story = Story(str(tmp_path), model=wanted)
    work = run_turn(story.session, TURN, Collaborators(choose, story, story, story.emit, backpressure, TurnLimits(20, 30)))
    try:
        asyncio.run(work)
    except Refused as error:
        asked.append(error.code)
    assert asked == [reached]


def test_a_projects_file_that_cannot_be_used_is_named_and_the_turn_goes_on(tmp_path: Path) -> None:
    (tmp_path / ".opta").mkdir()
    (tmp_path / ".opta/config.toml").write_text("nonsense = 1\n")
    story = Story(str(tmp_path))
    assert story.play(Scripted([TextPart("hi"), DONE])).finish == "stop"
    (warning,) = [event for event in story.events if isinstance(event, e.Warning)]
    assert warning.code == "config"
