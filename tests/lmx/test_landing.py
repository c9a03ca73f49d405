"""JSON answers end as JSON, however few tokens they may have: random weights write the worst that a model can write."""

import json
from typing import Any

import pytest
from jsonschema.validators import validator_for
from support.landing_schemas import CASES, REPORTED, Case
from support.random_model import make_random_qwen3
from support.served import Served

from opta_lmx.ipc.messages import Failed

GREEDY: dict[str, Any] = {}
WARM: dict[str, Any] = {"temperature": 1.0, "seed": 3}
HOT: dict[str, Any] = {"temperature": 1.5, "top_p": 0.95, "seed": 4}
SAMPLING = [GREEDY, WARM, HOT]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Served:
    folder = tmp_path_factory.mktemp("landing") / "tiny"
    make_random_qwen3(folder, context=2048)
    return Served(folder)


def errors_of(value: Any, schema: dict[str, Any]) -> list[str]:
    """Where a value does not follow its schema, by an independent validator."""
    validator: Any = validator_for(schema)
    return [str(error.message)[:80] for error in validator(schema).iter_errors(value)]


def faults(case: Case, order: dict[str, Any], least: int, text: str, end: Any) -> list[str]:
    """What is wrong with one answer. `least`: tokens of the shortest value."""
    if isinstance(end, Failed):
        return [f"{case.name}: {end.message}"]
    what = f"{case.name}, {order.get('max_tokens')} tokens, temperature {order.get('temperature', 0)}: {text[:200]!r} ({end.finish})"
    try:
        value = json.loads(text)
    except ValueError:
        return [f"does not parse: {what}"]
    errors = errors_of(value, case.schema)
    if least <= order["max_tokens"]:
        return [f"{what}: {errors}"] if errors else []
    return [f"is not said to be cut: {what}"] if errors and end.finish != "length" else []


def test_answers_parse_and_validate_in_the_fewest_tokens_and_in_more(served: Served) -> None:
    found: list[str] = []
    for number, case in enumerate([*CASES, *REPORTED]):
        least = len(served.tokens(case.text))
        more = [(2, least - 1, least + 20)[number % 6 // 2]] if number % 2 else []
        orders = [
            {"schema": case.schema, "max_tokens": max(2, size), **SAMPLING[(number + at) % 3]} for at, size in enumerate([least, *more])
        ]
        for order, (text, _, end) in zip(orders, served.ask(*orders), strict=True):
            found += faults(case, order, least, text, end)
    assert not found, "\n".join(found)


def test_an_answer_that_became_shorter_for_want_of_tokens_says_so(served: Served) -> None:
    endless = {"type": "object", "properties": {"text": {"type": "string"}, "kind": {"enum": ["a", "b"]}}, "required": ["text", "kind"]}
    short = {"type": "object", "properties": {"kind": {"enum": ["a", "b"]}, "sure": {"type": "boolean"}}, "required": ["kind", "sure"]}
    for schema, finish in ((endless, "length"), (short, "stop")):
        for size in (60, 100):
            ((text, _, end),) = served.ask({"schema": schema, "max_tokens": size})
            assert not errors_of(json.loads(text), schema)
            assert end.finish == finish, (size, text)


def test_a_request_that_cannot_be_begun_ends_alone(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise TypeError("a schema that nobody thought of")

    with monkeypatch.context() as patched:
        patched.setattr("opta_lmx.engine.grammar.closed", broken)
        ((_, _, end),) = served.ask({"schema": {"type": "object", "properties": {"only_here": {}}}, "max_tokens": 20})
    assert isinstance(end, Failed)
    assert "cannot begin this request" in end.message
    ((text, _, _),) = served.ask({"schema": {"type": "object", "properties": {"only_there": {}}}, "max_tokens": 20})
    assert json.loads(text) is not None
