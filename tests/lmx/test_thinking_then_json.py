"""JSON behind thinking: the model thinks first, within bounds, and the grammar holds from the end of its thoughts."""

import json
from pathlib import Path
from typing import Any

import pytest
from support.random_model import TEMPLATE
from support.random_thinker import END, START, thinker
from support.served import Served

SCHEMA = {
    "type": "object",
    "properties": {"ok": {"type": "boolean"}, "why": {"type": "string"}},
    "required": ["ok", "why"],
    "additionalProperties": False,
}
TOOLS = [{"type": "function", "function": {"name": name, "parameters": SCHEMA}} for name in ("one", "two")]
LIKES_TO_THINK = {"logit_bias": {str(START): 12.0, str(END): 3.0}}
NEVER_ENDS = {"logit_bias": {str(START): 12.0, str(END): -100.0}}
NEVER_THINKS = {"logit_bias": {str(START): -100.0}}


@pytest.fixture(scope="module")
def may_think(tmp_path_factory: pytest.TempPathFactory) -> Served:
    return thinker(tmp_path_factory.mktemp("may") / "thinker", TEMPLATE)


@pytest.fixture(scope="module")
def begins_thinking(tmp_path_factory: pytest.TempPathFactory) -> Served:
    template = TEMPLATE.replace("<|assistant|>{%- endif", "<|assistant|><think>{%- endif")
    return thinker(tmp_path_factory.mktemp("begins") / "thinker", template)


def thoughts_and_answer(served: Served, order: dict[str, Any]) -> tuple[str, str, Any]:
    """What was thought, and the JSON of the answer: its text, or the arguments of its call."""
    ((text, pieces, end),) = served.ask({"temperature": 1.0, "seed": 5, "max_tokens": 160, **order})
    arguments = "".join(piece.arguments for piece in pieces)
    return "".join(piece.thinking for piece in pieces), arguments or text, end


@pytest.mark.parametrize("wanted", [{"schema": SCHEMA}, {"tools": TOOLS, "forced": "two"}, {"tools": TOOLS, "forced": "*"}])
@pytest.mark.parametrize("bias", [LIKES_TO_THINK, NEVER_ENDS])
def test_thoughts_come_first_and_leave_enough_for_the_answer(
    may_think: Served, begins_thinking: Served, wanted: dict[str, Any], bias: dict[str, Any]
) -> None:
    for served in (may_think, begins_thinking):
        thoughts, answer, end = thoughts_and_answer(served, {**wanted, **bias})
        assert thoughts
        assert "think>" not in answer
        assert json.loads(answer).keys() == {"ok", "why"}
        assert end.thinking_tokens > 0


@pytest.mark.parametrize("wanted", [{"schema": SCHEMA}, {"tools": TOOLS, "forced": "one"}])
def test_a_model_that_does_not_think_answers_at_once(may_think: Served, wanted: dict[str, Any]) -> None:
    for order in (NEVER_THINKS, {"thinking": False, **LIKES_TO_THINK}):
        thoughts, answer, _ = thoughts_and_answer(may_think, {**wanted, **order})
        assert (thoughts, json.loads(answer).keys()) == ("", {"ok", "why"})


def test_without_tokens_for_thoughts_there_are_none(may_think: Served, begins_thinking: Served) -> None:
    least = len(may_think.tokens('{"ok":true,"why":""}'))
    for served, size in ((may_think, least), (begins_thinking, least + 1)):
        thoughts, answer, _ = thoughts_and_answer(served, {"schema": SCHEMA, "max_tokens": size, **LIKES_TO_THINK})
        assert (thoughts, json.loads(answer).keys()) == ("", {"ok", "why"})


def test_markers_in_the_answer_are_part_of_it(may_think: Served) -> None:
    quoted = {"enum": ["<think>a</think>", "<tool_call>{}</tool_call>"]}
    _, answer, _ = thoughts_and_answer(may_think, {"schema": quoted, "tools": TOOLS, **NEVER_THINKS})
    assert json.loads(answer) in quoted["enum"]


def test_marks_that_mlx_lm_does_not_know_are_known(tmp_path: Path) -> None:
    marks = ("[THINK]", "[/THINK]")
    may = thinker(tmp_path / "may", TEMPLATE, marks)
    begins = thinker(tmp_path / "begins", TEMPLATE.replace("<|assistant|>{%- endif", "<|assistant|>[THINK]{%- endif"), marks)
    for served in (may, begins):
        thoughts, answer, _ = thoughts_and_answer(served, {"schema": SCHEMA, **LIKES_TO_THINK})
        assert thoughts
        assert json.loads(answer).keys() == {"ok", "why"}
