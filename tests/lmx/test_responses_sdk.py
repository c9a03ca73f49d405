"""/v1/responses with the official OpenAI client, unchanged, in this process with a real engine."""

import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from pydantic import BaseModel
from support.in_process_lmx import URL, in_process_lmx, mlx_engine
from support.random_model import make_random_qwen3

from opta_core.lmx_settings import LmxSettings

LOOK: Any = {"type": "function", "name": "look", "description": "Look", "strict": True, "parameters": {
    "type": "object", "properties": {"place": {"type": "string", "maxLength": 8}}, "required": ["place"], "additionalProperties": False}}  # fmt: skip


class Answer(BaseModel):
    """What a structured answer has to be."""

    is_good: bool


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[openai.OpenAI]:
    home = tmp_path_factory.mktemp("home")
    make_random_qwen3(home / "models/tiny", tie_word_embeddings=False)
    with in_process_lmx(home, mlx_engine, LmxSettings(model="tiny")) as lmx:
        with openai.OpenAI(base_url=f"{URL}/v1", api_key="none", max_retries=0, http_client=lmx.client()) as made:
            yield made


def test_a_response_and_its_stream_are_the_same(client: openai.OpenAI) -> None:
    whole = client.responses.create(model="tiny", input="hello", instructions="Be short.", max_output_tokens=20)
    assert (whole.status, whole.incomplete_details.reason) == ("incomplete", "max_output_tokens")  # type: ignore[union-attr]
    assert whole.usage is not None
    assert whole.usage.output_tokens == 20
    with client.responses.stream(model="tiny", input="hello", instructions="Be short.", max_output_tokens=20) as stream:
        events = list(stream)
    last = events[-1].response  # type: ignore[union-attr]
    assert last.output_text == whole.output_text != ""
    kinds = [event.type for event in events]
    assert kinds[:2] == ["response.created", "response.in_progress"]
    assert kinds[-1] == "response.incomplete"
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == whole.output_text


def test_a_tool_is_called_and_its_result_read(client: openai.OpenAI) -> None:
    asked: list[Any] = [{"role": "user", "content": [{"type": "input_text", "text": "look at the sea"}]}]
    first = client.responses.create(model="tiny", input=asked, tools=[LOOK], tool_choice="required", temperature=1)
    (call,) = first.output
    assert call.type == "function_call"
    assert (call.name, set(json.loads(call.arguments))) == ("look", {"place"})
    assert first.status == "completed"
    result = {"type": "function_call_output", "call_id": call.call_id, "output": "waves"}
    second = client.responses.create(
        model="tiny", input=[*asked, call.to_dict(), result], tools=[LOOK], max_output_tokens=5, tool_choice="none"
    )  # type: ignore[list-item]
    assert second.usage is not None
    assert second.usage.input_tokens > first.usage.input_tokens  # type: ignore[union-attr]
    with client.responses.stream(
        model="tiny", input="look", tools=[LOOK], tool_choice={"type": "function", "name": "look"}, temperature=1
    ) as stream:  # type: ignore[arg-type]
        deltas = "".join(event.delta for event in stream if event.type == "response.function_call_arguments.delta")
        (streamed,) = stream.get_final_response().output
    assert streamed.type == "function_call"
    assert streamed.arguments == deltas
    assert set(json.loads(deltas)) == {"place"}


def test_a_structured_response_is_parsed_by_the_client(client: openai.OpenAI) -> None:
    parsed = client.responses.parse(model="tiny", input="good?", text_format=Answer, temperature=1)
    assert isinstance(parsed.output_parsed, Answer)
    assert isinstance(
        json.loads(client.responses.create(model="tiny", input="x", text={"format": {"type": "json_object"}}).output_text), dict
    )


def test_what_is_not_there_is_refused_by_name(client: openai.OpenAI) -> None:
    wrong: list[dict[str, Any]] = [
        {"previous_response_id": "resp_1"}, {"background": True}, {"input": []}, {"input": [{"type": "item_reference", "id": "x"}]},
        {"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "http://127.0.0.1/x"}]}]},
        {"tool_choice": {"type": "web_search"}}, {"tool_choice": "required"}, {"temperature": 9}, {"conversation": "conv_1"},
    ]  # fmt: skip
    for fields in wrong:
        with pytest.raises(openai.BadRequestError) as refused:
            client.responses.create(**{"model": "tiny", "input": "x", **fields})
        assert next(iter(fields)).split("_id")[0] in refused.value.message or "tools" in refused.value.message
