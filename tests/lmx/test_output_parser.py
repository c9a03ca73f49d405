"""A model's text is split into answer, reasoning and calls, wherever the pieces are cut."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opta_lmx.parsing.output_parser import Markers, OutputParser, OutputPiece

MARKERS = Markers("<think>", "</think>", "<tool_call>", "</tool_call>")


def run(text: str, cuts: list[int], stop: list[str] | None = None) -> tuple[str, str, list[tuple[str, str]]]:
    splitter = OutputParser(MARKERS, json.loads, stop or [])
    pieces: list[OutputPiece] = []
    at = 0
    for cut in [*sorted(cuts), len(text)]:
        pieces += splitter.parse(text[at:cut])
        at = max(at, cut)
    pieces += splitter.end()
    join = lambda kind: "".join(piece.text for piece in pieces if piece.kind == kind)  # noqa: E731
    return join("text"), join("thinking"), [(piece.name, piece.arguments) for piece in pieces if piece.kind == "call"]


CALL = '<tool_call>{"name": "grep", "arguments": {"pattern": "a<b"}}</tool_call>'


@given(st.lists(st.integers(0, 120), max_size=12))
def test_cuts_change_nothing(cuts: list[int]) -> None:
    text = f"Hi <there <think>deep < thought</think>, look: {CALL} end"
    cuts = [min(cut, len(text)) for cut in cuts]
    assert run(text, cuts) == ("Hi <there , look:  end", "deep < thought", [("grep", '{"pattern": "a<b"}')])


@given(st.lists(st.integers(0, 60), max_size=8))
def test_a_stop_string_that_straddles_pieces_never_corrupts_the_text(cuts: list[int]) -> None:
    text = "one ST two STOP three"
    assert run(text, [min(cut, len(text)) for cut in cuts], ["STOP"]) == ("one ST two ", "", [])


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('<tool_call>{"name": "grep"', '<tool_call>{"name": "grep"'),
        ("<tool_call>not json</tool_call>", "<tool_call>not json</tool_call>"),
        ("<tool_call>{}</tool_call>x", "<tool_call>{}</tool_call>x"),
    ],
)
def test_half_a_call_is_shown_as_text_and_never_dropped(text: str, shown: str) -> None:
    assert run(text, [5, 15]) == (shown, "", [])


def test_two_calls_in_a_row() -> None:
    assert [name for name, _ in run(CALL + CALL, [])[2]] == ["grep", "grep"]


def test_a_prompt_that_opened_the_thinking() -> None:
    splitter = OutputParser(MARKERS, None, [], begins_thinking=True)
    assert splitter.parse("so</think>yes") == [OutputPiece("thinking", "so"), OutputPiece("text", "yes")]
