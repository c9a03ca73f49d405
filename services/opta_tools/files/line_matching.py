"""Which lines two texts have in common, in a time that grows with their length, not with its square."""

import difflib
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator

# Longer texts, and those with more pairs of equal lines, are matched by the lines that occur once in both, first.
LINES_MAX, PAIRS_MAX = 6000, 1_000_000
Blocks = list[difflib.Match]
# As SequenceMatcher.get_opcodes: what is done, the range of old lines, the range of new lines.
Opcode = tuple[str, int, int, int, int]


def matching_blocks(a: list[bytes], b: list[bytes]) -> Blocks:
    """As SequenceMatcher.get_matching_blocks: runs of common lines, in order; the last one is empty and at the ends."""
    found: list[tuple[int, int, int]] = []
    for a_from, a_to, b_from, b_to in _gaps(a, b, found):
        found += (
            (a_from + block.a, b_from + block.b, block.size)
            for block in difflib.SequenceMatcher(None, a[a_from:a_to], b[b_from:b_to], autojunk=False).get_matching_blocks()
        )
    blocks: Blocks = []
    for start_a, start_b, size in sorted(block for block in found if block[2]):
        if blocks and blocks[-1].a + blocks[-1].size == start_a and blocks[-1].b + blocks[-1].size == start_b:
            blocks[-1] = difflib.Match(blocks[-1].a, blocks[-1].b, blocks[-1].size + size)
        else:
            blocks.append(difflib.Match(start_a, start_b, size))
    return [*blocks, difflib.Match(len(a), len(b), 0)]


def hunks(old: list[str], new: list[str]) -> Iterator[tuple[str, list[Opcode]]]:
    """The hunks of the unified diff of two texts: the line ranges of the header, and what leads from the old lines to the new ones."""
    for group in _Matched(old, new).get_grouped_opcodes(3):
        first, last = group[0], group[-1]
        yield f"-{_range(first[1], last[2])} +{_range(first[3], last[4])}", group


def unified_diff(old: list[str], new: list[str], old_name: str, new_name: str) -> Iterator[str]:
    """As difflib.unified_diff, for lines without ends. A name stays on its line: what people read before they allow a write holds no lines of a name."""
    for number, (ranges, group) in enumerate(hunks(old, new)):
        if number == 0:
            yield from (f"--- {_on_one_line(old_name)}", f"+++ {_on_one_line(new_name)}")
        yield f"@@ {ranges} @@"
        for kind, old_from, old_to, new_from, new_to in group:
            if kind == "equal":
                yield from (f" {line}" for line in old[old_from:old_to])
            else:
                yield from (f"-{line}" for line in old[old_from:old_to])
                yield from (f"+{line}" for line in new[new_from:new_to])


def _on_one_line(name: str) -> str:
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in name)


class _Matched(difflib.SequenceMatcher[str]):
    """Lines that are matched by `matching_blocks`."""

    def __init__(self, old: list[str], new: list[str]):
        super().__init__(None, "", "")
        self.a, self.b = old, new

    def get_matching_blocks(self) -> Blocks:
        """See SequenceMatcher."""
        old, new = ([line.encode(errors="surrogatepass") for line in lines] for lines in (self.a, self.b))
        return matching_blocks(old, new)


def _is_cheap(a: list[bytes], b: list[bytes]) -> bool:
    if len(a) + len(b) > LINES_MAX:
        return False
    count_a, count_b = Counter(a), Counter(b)
    return sum(count * count_b[line] for line, count in count_a.items()) <= PAIRS_MAX


def _gaps(a: list[bytes], b: list[bytes], found: list[tuple[int, int, int]]) -> Iterator[tuple[int, int, int, int]]:
    """The parts that remain to be matched, small enough for that. `found` gets the common lines around them."""
    if _is_cheap(a, b):
        yield 0, len(a), 0, len(b)
        return
    start, a_end, b_end = 0, len(a), len(b)
    while start < min(a_end, b_end) and a[start] == b[start]:
        start += 1
    while min(a_end, b_end) > start and a[a_end - 1] == b[b_end - 1]:
        a_end, b_end = a_end - 1, b_end - 1
    found += ((0, 0, start), (a_end, b_end, len(a) - a_end))
    at_a = at_b = start
    for anchor_a, anchor_b in [*_anchors(a[start:a_end], b[start:b_end]), (a_end - start, b_end - start)]:
        to_a, to_b = start + anchor_a, start + anchor_b
        if to_a > at_a and to_b > at_b and _is_cheap(a[at_a:to_a], b[at_b:to_b]):
            yield at_a, to_a, at_b, to_b
        if to_a < a_end:
            found.append((to_a, to_b, 1))
        at_a, at_b = to_a + 1, to_b + 1


def _anchors(a: list[bytes], b: list[bytes]) -> list[tuple[int, int]]:
    """Lines that occur once in both texts: the most of them that are in the same order."""
    count_a, count_b = Counter(a), Counter(b)
    places = {line: at for at, line in enumerate(b) if count_b[line] == 1}
    pairs = [(at, places[line]) for at, line in enumerate(a) if count_a[line] == 1 and line in places]
    # The longest rising sequence of places in `b`.
    ends: list[int] = []
    chosen: list[int] = []
    before: list[int] = []
    for number, (_, place) in enumerate(pairs):
        length = bisect_left(ends, place)
        before.append(chosen[length - 1] if length else -1)
        ends[length : length + 1] = [place]
        chosen[length : length + 1] = [number]
    at = chosen[-1] if chosen else -1
    anchors: list[tuple[int, int]] = []
    while at >= 0:
        anchors.append(pairs[at])
        at = before[at]
    return anchors[::-1]


def _range(start: int, stop: int) -> str:
    """Lines as the head of a hunk names them."""
    length = stop - start
    begin = start + 1 if length else start
    return str(begin) if length == 1 else f"{begin},{length}"
