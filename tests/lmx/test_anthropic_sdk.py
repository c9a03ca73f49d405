"""The official Anthropic client against LMX, unchanged, in this process with a real engine."""

from collections.abc import Iterator
from typing import Any

import anthropic
import pytest
from support.in_process_lmx import URL, in_process_lmx, mlx_engine
from support.random_model import make_random_qwen3

from opta_core.lmx_settings import LmxSettings

TOOLS: list[Any] = [
    {
        "name": "look",
        "description": "Look",
        "input_schema": {
            "type": "object",
            "properties": {"n": {"type": "integer", "minimum": 0, "maximum": 9}},
            "required": ["n"],
            "additionalProperties": False,
        },
    }
]
ASKED: list[Any] = [{"role": "user", "content": "hello"}]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[anthropic.Anthropic]:
    home = tmp_path_factory.mktemp("home")
    make_random_qwen3(home / "models/tiny")
    with in_process_lmx(home, mlx_engine, LmxSettings(model="tiny")) as lmx:
        with anthropic.Anthropic(base_url=URL, api_key="none", max_retries=0, http_client=lmx.client()) as made:
            yield made


def test_a_message_and_its_stream_are_the_same(client: anthropic.Anthropic) -> None:
    whole = client.messages.create(model="tiny", max_tokens=20, messages=ASKED, system="Be brief")
    assert (whole.role, whole.stop_reason, whole.usage.output_tokens) == ("assistant", "max_tokens", 20)
    with client.messages.stream(model="tiny", max_tokens=20, messages=ASKED, system="Be brief") as stream:
        text = "".join(stream.text_stream)
        final = stream.get_final_message()
    assert [text] == [block.text for block in whole.content if block.type == "text"]
    assert final.stop_reason == "max_tokens"
    assert final.usage.cache_read_input_tokens
    counted = client.messages.count_tokens(model="tiny", messages=ASKED, system="Be brief")
    assert counted.input_tokens == whole.usage.input_tokens + (whole.usage.cache_read_input_tokens or 0)


def test_a_tool_is_used_and_its_result_read(client: anthropic.Anthropic) -> None:
    for choice in ({"type": "any"}, {"type": "tool", "name": "look"}):
        used = client.messages.create(model="tiny", max_tokens=200, messages=ASKED, tools=TOOLS, tool_choice=choice)  # type: ignore[arg-type]
        (block,) = used.content
        assert (used.stop_reason, block.type) == ("tool_use", "tool_use")
        assert block.type == "tool_use"
        assert set(block.input) == {"n"}
    with client.messages.stream(model="tiny", max_tokens=200, messages=ASKED, tools=TOOLS, tool_choice={"type": "any"}) as stream:
        (streamed,) = stream.get_final_message().content
    assert streamed.type == "tool_use"
    result = {"type": "tool_result", "tool_use_id": block.id, "content": [{"type": "text", "text": "seen"}]}
    talk = [
        *ASKED,
        {"role": "assistant", "content": [block.model_dump()]},
        {"role": "user", "content": [result, {"type": "text", "text": "and?"}]},
    ]
    assert client.messages.create(model="tiny", max_tokens=5, messages=talk, tools=TOOLS).stop_reason == "max_tokens"


def test_a_stop_sequence_is_named(client: anthropic.Anthropic) -> None:
    whole = client.messages.create(model="tiny", max_tokens=30, messages=ASKED)
    text = "".join(block.text for block in whole.content if block.type == "text")
    stop = text[4:6]
    assert stop.strip()
    cut = client.messages.create(model="tiny", max_tokens=30, messages=ASKED, stop_sequences=[stop])
    assert (cut.stop_reason, cut.stop_sequence) == ("stop_sequence", stop)
    assert "".join(block.text for block in cut.content if block.type == "text") == text[: text.index(stop)]


def test_what_is_wrong_is_an_error_of_its_kind(client: anthropic.Anthropic) -> None:
    image = {"type": "image", "source": {"type": "url", "url": "http://127.0.0.1/x"}}
    wrong: list[dict[str, Any]] = [
        {"messages": [{"role": "king", "content": "x"}]}, {"messages": [{"role": "user", "content": [image]}]}, {"tool_choice": {"type": "tool", "name": "absent"}, "tools": TOOLS},
        {"messages": [{"role": "user", "content": "word " * 600}]}, {"stop_sequences": ["x" * 300]}, {"extra_body": {"temperature": 5}},
    ]  # fmt: skip
    for fields in wrong:
        with pytest.raises(anthropic.BadRequestError) as refused:
            client.messages.create(**{"model": "tiny", "max_tokens": 5, "messages": ASKED, **fields})
        assert refused.value.body["type"] == "error"  # type: ignore[index, call-overload]
