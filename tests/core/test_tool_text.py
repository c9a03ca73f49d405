"""Tool calls written as text: every format, cut anywhere, becomes its calls; prose and code never do."""

import time
from typing import Any

import pytest
from core.tool_text_formats import FORMATS, PROSE, THINKING
from hypothesis import given
from hypothesis import strategies as st

from opta_core.tool_text import call_arguments, tolerant_json
from opta_core.tool_text.offered import OfferedTools
from opta_core.tool_text.splitter import TextSplitter
from opta_core.tool_text.text_piece import TextPiece
from opta_protocol.tools.declared import TOOLS

GREP = {"type": "object", "properties": {"pattern": {"type": "string"}, "ignore_case": {"type": "boolean"}, "context": {"type": "integer"}}}
OFFERED = OfferedTools(
    [tool.function() for tool in TOOLS if tool.arguments and tool.name != "grep"]
    + [{"type": "function", "function": {"name": "grep", "parameters": GREP}}]
)
ONE = [("read_file", {"path": "a.txt"})]
TWO = [*ONE, ("read_file", {"path": "b.txt"})]
TYPED = [("grep", {"pattern": "x", "ignore_case": True, "context": 3})]
SOURCE = 'def f():\n    return "x" # <b>\n'
# Not recognised, and why: `<code>` is an element of HTML.
LEFT_OUT = {"smollm3_code"}
# The words before a call of these families are no marker, so they stay in the answer.
LABELLED = {"hyperclovax_14b", "rwkv"}
KNOWN = sorted(set(FORMATS) - LEFT_OUT)


def split(text: str, size: int, *, is_cut: bool = False) -> list[TextPiece]:
    splitter = TextSplitter(OFFERED)
    pieces = [piece for at in range(0, len(text), size) for piece in splitter.push(text[at : at + size])]
    return [*pieces, *splitter.end(is_cut=is_cut)]


def calls(pieces: list[TextPiece]) -> list[tuple[str, dict[str, Any]]]:
    found = [(piece.name, piece.arguments) for piece in pieces if piece.kind == "call"]
    return [
        (name, call_arguments.fit(call_arguments.read(given) if isinstance(given, str) else given, OFFERED.schema(name)))
        for name, given in found
    ]


def text(pieces: list[TextPiece]) -> str:
    return "".join(piece.text for piece in pieces if piece.kind == "text")


@pytest.mark.parametrize("name", KNOWN)
def test_every_format_is_read_in_pieces_of_any_size(name: str) -> None:
    for size in (1, 3, 7, 100_000):
        for wanted, written in ((ONE, FORMATS[name].one), (TWO, FORMATS[name].two), (TYPED, FORMATS[name].typed)):
            if written:
                pieces = split(written, size)
                assert calls(pieces) == wanted, (size, written)
                assert not text(pieces).strip() or name in LABELLED, (size, written)


@pytest.mark.parametrize("name", KNOWN)
def test_a_source_text_comes_through_as_it_is(name: str) -> None:
    if written := FORMATS[name].multiline:
        ((tool, given),) = calls(split(written, 5))
        # Formats without quotes put line breaks between a value and its tags.
        assert (tool, given["path"], given["content"].strip("\n")) == ("write_file", "a.py", SOURCE.strip("\n"))


@pytest.mark.parametrize("name", KNOWN)
def test_every_format_is_read_when_it_is_cut_at_any_place(name: str) -> None:
    written = FORMATS[name].two or FORMATS[name].one
    wanted = TWO if FORMATS[name].two else ONE
    for at in range(1, len(written)):
        splitter = TextSplitter(OFFERED)
        assert calls([*splitter.push(written[:at]), *splitter.push(written[at:]), *splitter.end()]) == wanted, at


@pytest.mark.parametrize("name", KNOWN)
def test_a_call_after_a_sentence_and_after_reasoning_is_a_call(name: str) -> None:
    written = FORMATS[name].one
    assert calls(split(f"<think>\nI have to look.\n</think>\n\n{written}", 3)) == ONE
    if name not in ("glm4_9b", "chatglm3"):  # Their call is a word, and only as the whole answer a call.
        pieces = split(f"I look at the file first.\n\n{written}", 3)
        if calls(pieces) != ONE:
            # Without any marker a call has to be the whole answer.
            assert "".join(piece.text for piece in pieces).strip() == f"I look at the file first.\n\n{written}".strip()
            assert written[0] not in "<[", written


@pytest.mark.parametrize("name", KNOWN)
def test_nothing_is_lost_when_an_answer_is_cut_off(name: str) -> None:
    written = FORMATS[name].one
    for at in range(len(written)):
        pieces = split(written[:at], 4, is_cut=True)
        assert all(call in (("read_file", {"path": "a.txt"}), ("read_file", {})) for call in calls(pieces)), written[:at]


@pytest.mark.parametrize("number", range(len(PROSE)))
def test_prose_and_code_are_no_calls_and_stay_whole(number: int) -> None:
    for size in (1, 5, 100_000):
        pieces = split(PROSE[number], size)
        assert {piece.kind for piece in pieces} <= {"text"}, PROSE[number]
        assert text(pieces) == PROSE[number]


def test_there_is_enough_prose() -> None:
    assert len(PROSE) >= 200
    assert len(FORMATS) >= 31


# Reasoning that begins with a sentence, or with a role, is not distinguished from prose.
SENTENCES = {"apriel", "granite3", "hyperclovax_14b", "prompt_opened"}


@pytest.mark.parametrize("name", sorted(set(THINKING) - SENTENCES))
def test_reasoning_is_parted_from_the_answer(name: str) -> None:
    opening, closing = THINKING[name]
    for size in (1, 4, 1000):
        pieces = split(f"{opening}\nHow? So.\n{closing}\nThe answer.", size)
        assert text(pieces).strip() == "The answer.", (name, size, pieces)
        assert "".join(piece.text for piece in pieces if piece.kind == "thinking").strip().endswith("How? So."), (name, size, pieces)


@pytest.mark.parametrize("size", [1, 4, 1000])
def test_reasoning_without_its_opening_marker_is_recognised_in_hindsight(size: int) -> None:
    pieces = split("deep thought</think>answer", size)
    at = next(number for number, piece in enumerate(pieces) if piece.kind == "was_thinking")
    assert text(pieces[:at]) == "deep thought"
    assert text(pieces[at:]) == "answer"


def test_a_call_inside_reasoning_counts_when_nothing_follows() -> None:
    call = (
        FORMATS["hermes"].one if "hermes" in FORMATS else '<tool_call>\n{"name": "read_file", "arguments": {"path": "a.txt"}}\n</tool_call>'
    )
    assert calls(split(f"<think>\nI look.\n{call}", 3)) == ONE
    assert calls(split(f"<think>\nI look.\n{call}\n</think>\n", 3)) == ONE
    assert calls(split(f"<think>\nI could look:\n{call}\n</think>\nThere is no need.", 3)) == []


def test_only_an_offered_name_is_a_call() -> None:
    written = '<tool_call>\n{"name": "launch_missiles", "arguments": {"path": "a.txt"}}\n</tool_call>'
    assert text(split(written, 3)) == written


def test_a_marker_inside_of_a_string_does_not_end_the_call() -> None:
    inner = "</tool_call>\\n<tool_call>{}\\n```"
    written = f'<tool_call>\n{{"name": "write_file", "arguments": {{"path": "a.md", "content": "{inner}"}}}}\n</tool_call>'
    assert calls(split(written, 2)) == [("write_file", {"path": "a.md", "content": inner.replace("\\n", "\n")})]


def test_a_call_that_cannot_be_read_is_given_with_its_text() -> None:
    (piece,) = split('<tool_call>\n{"name": "write_file", "arguments": {"path": "a", "content": "say "hi""}}\n</tool_call>', 4)
    assert (piece.kind, piece.name) == ("call", "write_file")
    assert isinstance(piece.arguments, str)


@given(st.text(alphabet="<>|[]{}()`\n\"':,/=_-abcdefgnorltuhik \\"), st.integers(1, 9))
def test_no_text_breaks_the_splitter_or_is_lost(written: str, size: int) -> None:
    pieces = split(written, size)
    assert [piece for piece in pieces if piece.kind == "call"] or len("".join(piece.text for piece in pieces)) <= len(written)


@given(st.text(alphabet="{}[]\"',:\\ntrue1.- "))
def test_no_text_breaks_the_tolerant_reader(written: str) -> None:
    try:
        tolerant_json.read(written)
    except tolerant_json.Unreadable as error:
        assert 0 <= error.at <= len(written)


def test_the_cost_does_not_grow_with_the_answer() -> None:
    def cost(count: int) -> float:
        splitter = TextSplitter(OFFERED)
        splitter.push('<tool_call>\n{"name": "write_file", "arguments": {"path": "a", "content": "')
        started = time.process_time()
        for _ in range(count):
            splitter.push("x } ] \\n")
        return (time.process_time() - started) / count

    assert min(cost(20_000) for _ in range(2)) < 20 * min(cost(500) for _ in range(3))


BEGINNINGS = [
    *(
        "[",
        "[\n",
        "{\n",
        "[[\n",
        '{"name":\n',
        '[{"name":',
        "<",
        "<a ",
        "`",
        "```json\n",
        "<tool_call>",
        "<think>",
        "<|channel|>",
        "<arg_key>",
    ),
    *(
        "<|tool_arg:start|>",
        "<read_file>\n",
        "<function=read_file><parameter=path>",
        'read_file(path="a"\n',
        "to=read_file ",
        "Action: read_file\n",
    ),
]


@pytest.mark.parametrize(
    "head", ["", "```json\n", '<tool_call>{"name": "read_file", "arguments": {"path": "', "<tool_call>read_file<arg_key>"]
)
def test_an_answer_that_begins_a_thousand_calls_is_read_in_linear_time(head: str) -> None:
    def cost(unit: str, chars: int) -> float:
        started = time.process_time()
        split(head + unit * (chars // len(unit)) + "x", 4096)
        return time.process_time() - started

    grown = {unit: cost(unit, 60_000) / max(cost(unit, 15_000), 0.04) for unit in (*BEGINNINGS, " ", "\t", " \n")}
    # Four times the text; in quadratic time it would be sixteen times the work.
    assert {unit: times for unit, times in grown.items() if times > 10} == {}


@pytest.mark.parametrize("unit", ["[", "[\n", "{\n", '{"name":\n', "`", "<a ", "to=read_file "])
def test_beginnings_of_calls_that_are_none_come_through_as_they_are(unit: str) -> None:
    written = unit * (30_000 // len(unit)) + "x"
    assert text(split(written, 4096)) == written


@pytest.mark.parametrize("beginning", ["[\n", "{\n", '{"name":\n', "```json\n{\n```\n", "<read_file>\n"])
def test_a_call_behind_many_beginnings_of_calls_is_a_call(beginning: str) -> None:
    written = beginning * 60 + '<tool_call>\n{"name": "read_file", "arguments": {"path": "a.txt"}}\n</tool_call>'
    assert calls(split(written, 50)) == ONE
