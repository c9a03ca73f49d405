"""LMX reads calls and reasoning of every family that the agent reads, in pieces of any size, with or without markers of the tokenizer."""

import importlib
import json
from typing import Any

import pytest
from core.test_tool_text import KNOWN, OFFERED, ONE, SENTENCES, TWO, TYPED
from core.tool_text_formats import FORMATS, PROSE, THINKING

from opta_lmx.parsing.family_parser import FamilyParser, behind, is_parted, opens_thinking
from opta_lmx.parsing.output_parser import Markers, OutputPiece

TOOLS: list[dict[str, Any]] = [
    {"type": "function", "function": {"name": name, "parameters": OFFERED.schema(name)}} for name in OFFERED.names
]
THINK = Markers("<think>", "</think>")
HARMONY = (
    "<|channel|>analysis<|message|>The user wants a file.<|end|><|start|>assistant<|channel|>commentary<|message|>I read it.<|end|>"
    '<|start|>assistant<|channel|>commentary to=functions.read_file <|constrain|>json<|message|>{"path": "a.txt"}<|call|>'
)


def read(text: str, size: int, made: FamilyParser | None = None, *, is_cut: bool = False) -> list[OutputPiece]:
    parser = made or FamilyParser(THINK, None, [], tools=TOOLS)
    pieces = [piece for at in range(0, len(text), size) for piece in parser.parse(text[at : at + size])]
    return [*pieces, *parser.end(is_cut=is_cut)]


def calls(pieces: list[OutputPiece]) -> list[tuple[str, dict[str, Any]]]:
    return [(piece.name, json.loads(piece.arguments)) for piece in pieces if piece.kind == "call"]


def text(pieces: list[OutputPiece], kind: str = "text") -> str:
    return "".join(piece.text for piece in pieces if piece.kind == kind)


@pytest.mark.parametrize("name", KNOWN)
def test_every_family_is_read_in_pieces_of_any_size(name: str) -> None:
    for size in (1, 7, 100_000):
        for wanted, written in ((ONE, FORMATS[name].one), (TWO, FORMATS[name].two), (TYPED, FORMATS[name].typed)):
            if written:
                assert calls(read(written, size)) == wanted, (size, written)


@pytest.mark.parametrize("name", KNOWN)
@pytest.mark.parametrize("parser", ["json_tools", "qwen3_coder", "mistral", "pythonic", "glm47"])
def test_a_model_that_writes_another_form_than_its_tokenizer_declares_is_read_too(name: str, parser: str) -> None:
    module = importlib.import_module(f"mlx_lm.tool_parsers.{parser}")
    marks = Markers("<think>", "</think>", module.tool_call_start, module.tool_call_end or "")
    made = FamilyParser(marks, lambda body: module.parse_tool_call(body, TOOLS), [], tools=TOOLS)
    assert calls(read(FORMATS[name].one, 5, made)) == ONE


def test_no_call_is_made_of_prose() -> None:
    for written in PROSE:
        for size in (3, 100_000):
            pieces = read(written, size)
            assert not calls(pieces), written


@pytest.mark.parametrize("size", [1, 5, 1000])
def test_harmony_is_reasoning_answer_and_call(size: int) -> None:
    pieces = read(HARMONY, size)
    assert text(pieces, "thinking") == "The user wants a file."
    assert text(pieces).strip() == "I read it."
    assert calls(pieces) == ONE


@pytest.mark.parametrize("size", [1, 5, 1000])
def test_harmony_without_tools_is_reasoning_and_answer(size: int) -> None:
    made = FamilyParser(THINK, None, [])
    pieces = read("<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>Four.", size, made)
    assert (text(pieces, "thinking"), text(pieces)) == ("Hm.", "Four.")


@pytest.mark.parametrize("family", sorted(set(THINKING) - SENTENCES))
def test_reasoning_of_every_family_is_apart_from_the_answer(family: str) -> None:
    opener, closer = THINKING[family][0], THINKING[family][1]
    begins = not opener or opens_thinking(f"<|assistant|>{opener}")
    made = FamilyParser(Markers(), None, [], tools=TOOLS, begins_thinking=begins)
    pieces = read(f"{'' if begins else opener}so it is{closer}\nyes", 3, made)
    assert (text(pieces, "thinking").strip(), text(pieces).strip()) == ("so it is", "yes")


def test_a_stop_string_ends_the_answer_and_not_the_reasoning() -> None:
    for size in (1, 4, 100):
        made = FamilyParser(THINK, None, ["STOP"], tools=TOOLS)
        pieces = read("<think>STOP is a word</think>one STO two STOP three", size, made)
        assert (text(pieces, "thinking"), text(pieces), made.stopped_by) == ("STOP is a word", "one STO two ", "STOP")
        assert made.is_stopped


def test_one_call_ends_the_answer() -> None:
    made = FamilyParser(THINK, None, [], tools=TOOLS, one_call=True)
    assert calls(read(FORMATS["mistral_v11"].two, 3, made)) == ONE
    assert made.is_stopped


@pytest.mark.parametrize("name", ["mistral_v3", "harmony", "deepseek_v31", "glm45", "anthropic_xml"])
def test_half_a_call_is_text_and_never_dropped(name: str) -> None:
    written = FORMATS[name].one
    pieces = read(written[: len(written) // 2], 4, is_cut=True)
    assert not calls(pieces)


def test_arguments_that_cannot_be_read_are_shown_as_text() -> None:
    made = FamilyParser(THINK, None, [], tools=TOOLS)
    pieces = read('<|channel|>commentary to=functions.read_file <|constrain|>json<|message|>{"path": "a" "b" : }<|call|>', 5, made)
    assert made.malformed == 1 and not calls(pieces)
    assert '"path": "a" "b"' in text(pieces)


def test_models_that_answer_in_parts_are_known_by_their_marks() -> None:
    assert is_parted("{{ '<|start|>assistant<|channel|>final<|message|>' }}")
    assert is_parted("[THINK] [/THINK]")
    assert not is_parted("<|im_start|>assistant <think> <tool_call>")


def test_an_answer_that_was_begun_inside_of_its_reasoning_or_of_a_call_goes_on_there() -> None:
    thinking = behind("<think>\nLet me", FamilyParser(THINK, None, [], tools=TOOLS))
    pieces = read(" see.</think>Yes", 3, thinking)
    assert (text(pieces, "thinking"), text(pieces)) == (" see.", "Yes")
    called = behind('<tool_call>\n{"name": "read_file", ', FamilyParser(THINK, None, [], tools=TOOLS))
    assert calls(read('"arguments": {"path": "a.txt"}}\n</tool_call>', 3, called)) == ONE
