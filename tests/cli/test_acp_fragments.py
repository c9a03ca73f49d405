"""A unified diff becomes pairs of texts that hold exactly its lines."""

import difflib

from hypothesis import given
from hypothesis import strategies as st

from opta_cli.editor.diff_fragments import Fragment, fragments
from opta_cli.editor.shown_text import fenced

WORDS = st.lists(st.sampled_from(["a", "b", " c", "-d", "+e", "@@ x", "…f", "\\ No newline at end of file", ""]), max_size=12)


def diff_of(old: list[str], new: list[str]) -> str:
    """As the daemon writes it: the whole of a file of a few lines is one hunk."""
    return "\n".join(difflib.unified_diff(old, new, "a/x", "b/x", n=100, lineterm=""))


@given(WORDS, WORDS)
def test_every_line_of_a_diff_comes_back(old: list[str], new: list[str]) -> None:
    found, remark = fragments(diff_of(old, new))
    assert remark == ""
    if old == new:
        assert found == []
    else:
        [fragment] = found
        assert fragment.new == "".join(f"{line}\n" for line in new)
        assert fragment.old == ("".join(f"{line}\n" for line in old) if old else None)


def test_a_missing_line_break_is_on_its_side_only() -> None:
    diff = "--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n same\n-same\n\\ No newline at end of file\n+other"
    assert fragments(diff) == ([Fragment("same\nsame", "same\nother\n", 1)], "")


def test_a_cut_diff_says_so() -> None:
    found, remark = fragments("--- a/x\n+++ b/x\n@@ -3 +3 @@\n-x\n+y\n… 200 more lines")
    assert found == [Fragment("x\n", "y\n", 3)] and remark == "… 200 more lines"


@given(st.text(alphabet="`~ab\n", max_size=30))
def test_no_text_ends_the_block_that_shows_it(text: str) -> None:
    fence, *lines, end = fenced(text).split("\n")
    assert fence == end and not any(line.strip().startswith(fence) for line in lines)
