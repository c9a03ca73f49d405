"""Three-way merge of texts, by lines. The method of diff3: https://www.cis.upenn.edu/~bcpierce/papers/diff3-short.pdf"""

from dataclasses import dataclass

from ..files.line_matching import matching_blocks

# More lines take too long to compare.
LINES_MAX = 20_000


class MergeConflict(Exception):
    """Two texts change the same lines of their common base. The message says which, in words for people."""


@dataclass(frozen=True)
class _Common:
    """Lines that all three texts have: `size` lines from these positions on."""

    base: int
    ours: int
    theirs: int
    size: int


def merge(base: bytes, ours: bytes, theirs: bytes) -> bytes:
    """`ours` with the changes that lead from `base` to `theirs`. Raises MergeConflict."""
    if ours in (base, theirs):
        return theirs
    if theirs == base:
        return ours
    if any(b"\0" in text for text in (base, ours, theirs)):
        raise MergeConflict("it is not a text, so the changes cannot be merged")
    texts = base.splitlines(keepends=True), ours.splitlines(keepends=True), theirs.splitlines(keepends=True)
    if max(map(len, texts)) > LINES_MAX:
        raise MergeConflict(f"it has more than {LINES_MAX} lines, too many to merge changes")
    return b"".join(_merged(*texts))


def _merged(base: list[bytes], ours: list[bytes], theirs: list[bytes]) -> list[bytes]:
    merged: list[bytes] = []
    at_base = at_ours = at_theirs = 0
    for common in [*_commons(base, ours, theirs), _Common(len(base), len(ours), len(theirs), 0)]:
        was, mine, other = base[at_base : common.base], ours[at_ours : common.ours], theirs[at_theirs : common.theirs]
        if mine == was:
            merged += other
        elif other in (was, mine):
            merged += mine
        else:
            raise MergeConflict(f"{_lines(at_ours + 1, common.ours)} changed since in the same place")
        merged += base[common.base : common.base + common.size]
        at_base, at_ours, at_theirs = (start + common.size for start in (common.base, common.ours, common.theirs))
    return merged


def _commons(base: list[bytes], ours: list[bytes], theirs: list[bytes]) -> list[_Common]:
    """The runs of lines that both texts share with the base, in order."""
    left = matching_blocks(base, ours)
    right = matching_blocks(base, theirs)
    commons: list[_Common] = []
    at_left = at_right = 0
    while at_left < len(left) and at_right < len(right):
        mine, other = left[at_left], right[at_right]
        start, end = max(mine.a, other.a), min(mine.a + mine.size, other.a + other.size)
        if start < end:
            commons.append(_Common(start, mine.b + start - mine.a, other.b + start - other.a, end - start))
        if mine.a + mine.size < other.a + other.size:
            at_left += 1
        else:
            at_right += 1
    return commons


def _lines(first: int, last: int) -> str:
    if last < first:
        return f"the lines around line {max(last, 1)} were"
    return f"line {first} was" if first == last else f"lines {first} to {last} were"
