"""Common lines of two texts: what is found is common and in order, and long texts are matched in time."""

import difflib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opta_tools.checkpoints.diff3 import merge
from opta_tools.files import line_matching
from opta_tools.files.line_matching import matching_blocks, unified_diff

LINES = st.lists(st.sampled_from([b"a", b"b", b"c", b"d", b"e", b"f"]), max_size=30)


def check(a: list[bytes], b: list[bytes]) -> int:
    """How many lines are matched, after a check that they are common and in order."""
    at_a = at_b = 0
    blocks = matching_blocks(a, b)
    for block in blocks:
        assert block.a >= at_a
        assert block.b >= at_b
        assert a[block.a : block.a + block.size] == b[block.b : block.b + block.size]
        at_a, at_b = block.a + block.size, block.b + block.size
    assert blocks[-1] == (len(a), len(b), 0)
    return sum(block.size for block in blocks)


@given(LINES, LINES)
def test_what_is_matched_is_common_and_in_order(a: list[bytes], b: list[bytes]) -> None:
    check(a, b)
    with pytest.MonkeyPatch.context() as patch:
        # As for long texts
        patch.setattr(line_matching, "LINES_MAX", 4)
        check(a, b)
        assert check(a, a) == len(a)


@given(LINES, LINES)
def test_a_diff_is_as_of_difflib(a: list[bytes], b: list[bytes]) -> None:
    old, new = ([line.decode() for line in lines] for lines in (a, b))
    assert list(unified_diff(old, new, "old", "new")) == list(difflib.unified_diff(old, new, "old", "new", lineterm=""))


def test_the_name_of_a_file_adds_no_lines_to_its_diff() -> None:
    names = "a/x\n@@ -1 +1 @@\n-fine\u202e", "b/käse 漢字"
    assert list(unified_diff([], ["new"], *names))[:3] == ["--- a/x\\n@@ -1 +1 @@\\n-fine\\u202e", "+++ b/käse 漢字", "@@ -0,0 +1 @@"]


def test_long_texts_in_which_every_fourth_line_differs_are_merged() -> None:
    base = [b"%d\n" % number for number in range(18_000)]
    theirs = [b"x" + line if number % 4 == 1 else line for number, line in enumerate(base)]
    ours = [*base[:9003], b"mine\n", *base[9003:]]
    merged = merge(b"".join(base), b"".join(ours), b"".join(theirs)).splitlines(keepends=True)
    assert merged == [*theirs[:9003], b"mine\n", *theirs[9003:]]
    assert check(base, base[::-1]) >= 1
    assert check([b"x"] * 19_000, [b"x"] * 18_000 + [b"y"] * 900) == 18_000
