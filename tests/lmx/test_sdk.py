"""The official OpenAI client against LMX, unchanged, in this process with a real engine."""

import json
from collections.abc import Iterator

import openai
import pytest
from pydantic import BaseModel
from support.in_process_lmx import URL, in_process_lmx, mlx_engine
from support.random_model import make_random_qwen3

from opta_core.lmx_settings import LmxSettings

TOOLS = [{"type": "function", "function": {"name": "look", "description": "Look", "parameters": {
    "type": "object", "properties": {"place": {"type": "string", "maxLength": 8}}, "required": ["place"], "additionalProperties": False}}}]  # fmt: skip
ASKED = [{"role": "user", "content": "hello"}]


class Answer(BaseModel):
    """What a structured answer has to be."""

    is_good: bool
    colour: str


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[openai.OpenAI]:
    home = tmp_path_factory.mktemp("home")
    make_random_qwen3(home / "models/tiny")
    with in_process_lmx(home, mlx_engine, LmxSettings(model="tiny")) as lmx:
        with openai.OpenAI(base_url=f"{URL}/v1", api_key="none", max_retries=0, http_client=lmx.client()) as made:
            yield made


def test_models_are_listed_and_retrieved(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["probe", "tiny"]
    assert client.models.retrieve("tiny").id == "tiny"


def test_an_answer_and_its_stream_are_the_same(client: openai.OpenAI) -> None:
    whole = client.chat.completions.create(model="tiny", messages=ASKED, max_tokens=20, logprobs=True, top_logprobs=2)
    chunks = list(
        client.chat.completions.create(
            model="tiny", messages=ASKED, max_tokens=20, stream=True, stream_options={"include_usage": True}, logprobs=True, top_logprobs=2
        )
    )
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == whole.choices[0].message.content
    streamed_tokens = [
        token.token for chunk in chunks if chunk.choices and chunk.choices[0].logprobs for token in chunk.choices[0].logprobs.content or []
    ]
    assert whole.choices[0].logprobs is not None
    assert streamed_tokens == [token.token for token in whole.choices[0].logprobs.content or []]
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == whole.usage.completion_tokens == 20  # type: ignore[union-attr]
    assert chunks[-1].usage.prompt_tokens_details.cached_tokens > 0  # type: ignore[union-attr]


def test_several_choices_come_whole_and_streamed(client: openai.OpenAI) -> None:
    whole = client.chat.completions.create(model="tiny", messages=ASKED, max_tokens=10, n=3, temperature=1.5, seed=3)
    assert [choice.index for choice in whole.choices] == [0, 1, 2]
    assert len({choice.message.content for choice in whole.choices}) > 1
    streamed = dict.fromkeys(range(3), "")
    for chunk in client.chat.completions.create(model="tiny", messages=ASKED, max_tokens=10, n=3, temperature=1.5, seed=3, stream=True):
        for choice in chunk.choices:
            streamed[choice.index] += choice.delta.content or ""
    assert streamed == {choice.index: choice.message.content for choice in whole.choices}


def test_a_tool_that_has_to_be_called_is_called_whole_and_streamed(client: openai.OpenAI) -> None:
    for choice in ("required", {"type": "function", "function": {"name": "look"}}):
        answer = client.chat.completions.create(model="tiny", messages=ASKED, tools=TOOLS, tool_choice=choice, temperature=1, seed=1)  # type: ignore[call-overload]
        (call,) = answer.choices[0].message.tool_calls
        assert (answer.choices[0].finish_reason, call.function.name) == ("tool_calls", "look")
        assert set(json.loads(call.function.arguments)) == {"place"}
    parts = [
        delta
        for chunk in client.chat.completions.create(
            model="tiny", messages=ASKED, tools=TOOLS, tool_choice="required", temperature=1, seed=1, stream=True
        )  # type: ignore[call-overload]
        for delta in chunk.choices[0].delta.tool_calls or []
    ]
    assert [part.function.name for part in parts if part.function.name] == ["look"]
    assert {part.index for part in parts} == {0}
    assert len(parts) > 1  # the arguments come as they are made
    assert set(json.loads("".join(part.function.arguments or "" for part in parts))) == {"place"}


def test_a_structured_answer_is_parsed_by_the_client(client: openai.OpenAI) -> None:
    schema = {"name": "answer", "schema": {"type": "object", "properties": {"is_good": {"type": "boolean"}, "colour": {"enum": ["red", "blue"]}},
                                           "required": ["is_good", "colour"], "additionalProperties": False}}  # fmt: skip
    answer = client.chat.completions.create(
        model="tiny", messages=ASKED, temperature=1, response_format={"type": "json_schema", "json_schema": schema}
    )
    assert Answer.model_validate_json(answer.choices[0].message.content or "").colour in ("red", "blue")


def test_plain_text_goes_on_whole_and_streamed(client: openai.OpenAI) -> None:
    whole = client.completions.create(model="tiny", prompt=["one", "two"], max_tokens=8, n=2, seed=1, temperature=1)
    assert [choice.index for choice in whole.choices] == [0, 1, 2, 3]
    assert whole.usage is not None
    streamed = dict.fromkeys(range(4), "")
    for chunk in client.completions.create(model="tiny", prompt=["one", "two"], max_tokens=8, n=2, seed=1, temperature=1, stream=True):
        for choice in chunk.choices:
            streamed[choice.index] += choice.text
    assert streamed == {choice.index: choice.text for choice in whole.choices}
    for fields in ({"prompt": ""}, {"prompt": []}, {"prompt": "x", "suffix": "y"}, {"prompt": "x", "max_tokens": 0}):
        with pytest.raises(openai.BadRequestError):
            client.completions.create(model="tiny", **fields)  # type: ignore[call-overload]


def test_what_is_wrong_is_an_error_of_its_kind(client: openai.OpenAI) -> None:
    wrong = [
        {"temperature": 3},
        {"tool_choice": "required"},
        {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "nonsense"}}}},
    ]
    for fields in wrong:
        with pytest.raises(openai.BadRequestError):
            client.chat.completions.create(model="tiny", messages=ASKED, **fields)  # type: ignore[call-overload]
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(model="tiny", messages=[{"role": "user", "content": "word " * 600}])
    assert refused.value.code == "context_length_exceeded"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("absent")


def test_the_older_form_has_log_probabilities_and_repeats_its_prompt(client: openai.OpenAI) -> None:
    choice = client.completions.create(model="tiny", prompt="one", max_tokens=3, logprobs=2, echo=True).choices[0]
    assert choice.text.startswith("one")
    assert choice.logprobs is not None
    assert "".join(choice.logprobs.tokens or []) == choice.text[3:]
    assert len(choice.logprobs.token_logprobs or []) == len(choice.logprobs.top_logprobs or []) == 3
    streamed = client.completions.create(model="tiny", prompt="one", max_tokens=3, echo=True, stream=True)
    assert "".join(part.choices[0].text for part in streamed if part.choices) == choice.text
