"""The engine with a model of random weights: output formats, seeds, and prefixes that are computed once."""

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.random_model import make_random_qwen3
from support.served import Served

from opta_lmx.ipc.messages import Failed, Finished


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Served:
    folder = tmp_path_factory.mktemp("engine") / "tiny"
    make_random_qwen3(folder)
    return Served(folder)


NAMES = st.text(alphabet="abcdefgh", min_size=1, max_size=5)
LEAVES = st.one_of(
    st.just({"type": "boolean"}),
    st.builds(lambda low, size: {"type": "integer", "minimum": low, "maximum": low + size}, st.integers(-99, 99), st.integers(0, 999)),
    st.builds(lambda size: {"type": "string", "maxLength": size}, st.integers(0, 6)),
    st.builds(lambda values: {"enum": values}, st.lists(NAMES, min_size=1, max_size=4, unique=True)),
)
SCHEMAS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(lambda item, size: {"type": "array", "items": item, "maxItems": size}, inner, st.integers(0, 2)),
        st.builds(
            lambda fields: {"type": "object", "properties": fields, "required": sorted(fields), "additionalProperties": False},
            st.dictionaries(NAMES, inner, max_size=3),
        ),
    ),
    max_leaves=5,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(schema=SCHEMAS, seed=st.integers(0, 2**32))
def test_every_answer_that_has_to_have_a_form_has_it(served: Served, schema: dict[str, Any], seed: int) -> None:
    ((text, _, end),) = served.ask({"schema": schema, "temperature": 1.0, "seed": seed, "max_tokens": 400})
    assert isinstance(end, Finished), end
    assert end.finish == "stop"
    jsonschema.validate(json.loads(text), schema)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(parameters=st.dictionaries(NAMES, LEAVES, min_size=1, max_size=3), seed=st.integers(0, 2**32))
def test_a_call_that_has_to_come_comes_with_arguments_of_its_schema(served: Served, parameters: dict[str, Any], seed: int) -> None:
    schema = {"type": "object", "properties": parameters, "required": sorted(parameters), "additionalProperties": False}
    tools = [{"type": "function", "function": {"name": name, "parameters": schema}} for name in ("one", "two")]
    for forced, names in (("*", {"one", "two"}), ("two", {"two"})):
        ((_, pieces, end),) = served.ask({"tools": tools, "forced": forced, "temperature": 1.0, "seed": seed, "max_tokens": 400})
        assert end.finish == "stop"
        assert [piece.name for piece in pieces if piece.name] == [pieces[0].name]
        assert pieces[0].name in names
        jsonschema.validate(json.loads("".join(piece.arguments for piece in pieces)), schema)


def test_a_schema_that_cannot_be_held_is_refused_and_the_next_request_is_served(served: Served) -> None:
    for schema in ({"type": "nonsense"}, {"$ref": "#/nowhere"}):
        ((_, _, end),) = served.ask({"schema": schema})
        assert isinstance(end, Failed)
        assert "response_format" in end.message
    ((text, _, end),) = served.ask({"schema": {"type": "boolean"}})
    assert (json.loads(text) in (True, False), end.finish) == (True, "stop")


def test_a_seed_gives_the_same_alone_and_in_a_batch(served: Served) -> None:
    wanted = {"temperature": 1.5, "seed": 7}
    ((alone, _, _),) = served.ask(wanted)
    among = served.ask({"temperature": 1.0}, wanted, {"temperature": 2.0, "seed": 8}, wanted)
    assert [text for text, _, _ in among][1] == alone
    assert [text for text, _, _ in among][3] == alone
    assert served.ask({"temperature": 1.5, "seed": 9})[0][0] != alone


def test_what_two_prompts_share_is_computed_once(served: Served) -> None:
    begin = [{"role": "system", "content": "A long instruction. " * 10}]
    ((first, _, end),) = served.ask({"messages": [*begin, {"role": "user", "content": "one"}]})
    assert end.cached_tokens < 5
    ((again, _, repeated),) = served.ask({"messages": [*begin, {"role": "user", "content": "one"}]})
    assert (again, repeated.cached_tokens) == (first, repeated.prompt_tokens - 1)
    ((_, _, other),) = served.ask({"messages": [*begin, {"role": "user", "content": "two"}]})
    assert 190 < other.cached_tokens < other.prompt_tokens
    assert served.engine.loaded().prefix_bytes > 0


def test_the_answer_is_the_same_with_and_without_a_kept_prefix(served: Served) -> None:
    talk = [{"role": "user", "content": "tell me of the sea and the ships on it"}]
    ((cold, _, _),) = served.ask({"messages": talk})
    served.ask({"messages": [*talk, {"role": "assistant", "content": cold}, {"role": "user", "content": "more"}]})
    ((warm, _, end),) = served.ask({"messages": talk})
    assert end.cached_tokens > 0
    assert warm == cold


def test_every_token_comes_with_its_probabilities(served: Served) -> None:
    ((_, pieces, end),) = served.ask({"logprobs": 3})
    tokens = [token for piece in pieces for token in piece.logprobs]
    assert len(tokens) == end.completion_tokens - (end.finish == "stop")
    for token in tokens:
        assert token.logprob <= 0
        assert len(token.top) == 3
        assert token.top[0][1] >= token.logprob
        assert bytes(token.bytes).decode(errors="replace") == token.token
        assert token.top[0][2]
    assert all(not piece.logprobs for piece in served.ask({})[0][1])


def test_the_bytes_of_all_tokens_are_the_answer_even_where_a_token_is_a_part_of_a_character(served: Served) -> None:
    # Each byte of a snowman is a token of the probe's tokenizer, and only these are allowed.
    only = {str(token): 100.0 for token in served.tokens("\u2603\u00e9")}
    ((text, pieces, _),) = served.ask({"logprobs": 2, "max_tokens": 30, "temperature": 1.0, "seed": 3, "logit_bias": only})
    tokens = [token for piece in pieces for token in piece.logprobs]
    assert len(tokens) == 30
    assert b"".join(bytes(token.bytes) for token in tokens).decode(errors="replace") == text
    assert any("\ufffd" in token.token for token in tokens)


def test_biases_and_penalties_change_what_is_likely(served: Served) -> None:
    ((_, pieces, _),) = served.ask({"logprobs": 0, "max_tokens": 1})
    token = served.tokens(pieces[0].text)[-1] if pieces and pieces[0].text else 65
    ((other, _, _),) = served.ask({"logit_bias": {str(token): -100.0}, "max_tokens": 1})
    assert other != (pieces[0].text if pieces else "")
    ((free, _, _),) = served.ask({"max_tokens": 60})
    ((varied, _, _),) = served.ask({"max_tokens": 60, "frequency_penalty": 2.0, "presence_penalty": 2.0})
    assert len(set(varied)) >= len(set(free))
    ((_, _, end),) = served.ask({"logit_bias": {"99999": 1.0}})
    assert isinstance(end, Failed)
