"""The rules of the full-screen terminal that need no screen: how answers are cut and drawn, which keys answer, what each action does."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.limits import limit_s

from opta_cli.actions import ACTIONS
from opta_cli.markdown_look import rows_of
from opta_cli.segment_rows import Row
from opta_cli.tui.action_table import ELSEWHERE, HANDLERS, SCREENS, SLASH
from opta_cli.tui.answer_blocks import cut
from opta_cli.tui.answer_rows import AnswerRows
from opta_cli.tui.key_guard import KeyGuard
from opta_cli.tui.key_table import KEYS
from opta_cli.tui.palette_markdown import markdown_styles
from opta_cli.tui.palette_styles import DARK_STYLES
from opta_cli.tui.suggestions import Choice, WantedCompletion, ranked, wanted
from opta_cli.tui.token_colours import DARK, LIGHT

ROOT = Path(__file__).parents[2]
PIECES = [
    "words ",
    "\n",
    "\n\n",
    "```py\n",
    "```\n",
    "- item\n",
    "1. one\n",
    "> quote\n",
    "# head\n",
    "| a | b |\n|---|---|\n",
    "  in\n",
    "**b**",
    "`c`",
]
MARKDOWN = st.lists(st.sampled_from(PIECES), max_size=30).map("".join)


def text(rows: list[Row]) -> list[str]:
    return ["".join(segment.text for segment in row).rstrip() for row in rows]


@given(MARKDOWN)
def test_every_prefix_of_an_answer_is_cut_as_the_whole_except_its_last_block(markdown: str) -> None:
    whole = cut(markdown)
    for end in range(len(markdown)):
        blocks = cut(markdown[:end])[:-1]
        assert [(block.start, block.end) for block in blocks] == [(block.start, block.end) for block in whole[: len(blocks)]]


@settings(max_examples=40, deadline=None)
@given(MARKDOWN)
def test_an_answer_that_grew_is_drawn_as_one_that_came_at_once(markdown: str) -> None:
    growing = AnswerRows(40, DARK_STYLES)
    for end in range(0, len(markdown), 3):
        growing.take(markdown[:end])
    assert text(growing.take(markdown)) == text(AnswerRows(40, DARK_STYLES).take(markdown))


def test_an_answer_costs_what_is_new_in_it() -> None:
    growing, answer = AnswerRows(80, DARK_STYLES), ""
    for number in range(400):
        answer += f"Paragraph {number} with some words.\n\n" if number % 2 else "```py\nx = 1\n```\n\n"
        growing.take(answer)
    # Each block is drawn while it is the last one, and once more when it is whole.
    assert growing.drawn_chars < 4 * len(answer)


def test_a_long_paragraph_is_cut_so_that_drawing_it_stays_cheap() -> None:
    paragraph = "word " * 12_000
    blocks = cut(paragraph)
    assert len(blocks) > 8 and max(block.end - block.start for block in blocks) <= 6_000
    assert "".join(paragraph[block.start : block.end] for block in blocks) == paragraph


def test_an_open_fence_is_plain_and_is_coloured_when_it_closes() -> None:
    answer = AnswerRows(40, DARK_STYLES)
    open_rows = answer.take("```python\ndef f():\n    return 1\n")
    assert text(open_rows)[0].startswith("╭─ python ─") and answer.drawn_chars == 0
    closed = answer.take("```python\ndef f():\n    return 1\n```\n")
    assert text(closed) == text(open_rows)
    assert len({segment.style for row in closed for segment in row}) > len({segment.style for row in open_rows for segment in row})


def test_nothing_of_an_answer_is_hidden_and_nothing_is_executed() -> None:
    shown = "\n".join(
        text(
            rows_of(
                "<b>bold</b> ![image](http://x/y.png) [link](http://z)\n\n[ref]: http://w\n\n\x1b[31mred", 80, markdown_styles(DARK_STYLES)
            )
        )
    )
    for words in ("<b>bold</b>", "http://x/y.png", "http://z", "[ref]: http://w", "\\x1b[31mred"):
        assert words in shown
    assert "\x1b" not in shown


def test_keys_count_after_half_a_second_without_any() -> None:
    guard = KeyGuard()
    # Before it is painted, no time is enough.
    assert not guard.take(9.0)
    guard.begin(10.0)
    assert not guard.take(10.4)
    assert not guard.take(10.8)
    assert guard.take(11.31)
    guard.begin(12.0)
    assert not guard.is_settled(12.4)


def test_every_action_is_done_here_or_has_a_reason_why_not() -> None:
    known = {each.id for each in ACTIONS}
    assert known == HANDLERS.keys() | ELSEWHERE.keys() and not HANDLERS.keys() & ELSEWHERE.keys()
    assert set(SLASH.values()) <= HANDLERS.keys() | SCREENS.keys()
    special = {"", "turn.submit", "interrupt", "leave", "timeline", "palette"}
    assert {each.action for each in KEYS} <= HANDLERS.keys() | SCREENS.keys() | special
    keys = [each.keys for each in KEYS if each.keys]
    assert len(keys) == len(set(keys))


def test_what_is_completed() -> None:
    assert wanted("/com") == WantedCompletion("command", "com", 0)
    assert wanted("see @src/a") == WantedCompletion("file", "src/a", 4)
    for words in ("a /com", "mail@host", "/com x", ""):
        assert wanted(words) is None


def test_the_best_match_comes_first_and_recent_ones_without_words() -> None:
    choices = [Choice("a", "Export the session"), Choice("b", "/export"), Choice("c", "Stop")]
    assert [each.id for each in ranked(choices, "exp")] == ["b", "a"] or [each.id for each in ranked(choices, "exp")] == ["a", "b"]
    assert [each.id for each in ranked(choices, "", recent=["c"])] == ["c", "a", "b"]
    assert ranked(choices, "zzz") == []


def test_the_colours_are_those_of_the_page() -> None:
    sys.path.insert(0, str(ROOT / "ops"))
    import design_tokens

    assert design_tokens.colours((ROOT / "desktop/web/src/style/tokens.css").read_text()) == (DARK, LIGHT)


@pytest.mark.parametrize("module", ["opta_cli.main", "opta_cli.commands.full_screen", "opta_cli.arguments.turn_arguments"])
def test_textual_is_imported_by_the_full_screen_alone(module: str) -> None:
    program = f"import sys, {module}; print(any(name.startswith('textual') for name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=limit_s(20), check=False)
    assert done.stdout.strip() == "False", done.stderr
