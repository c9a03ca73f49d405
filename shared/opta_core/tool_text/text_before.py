"""What stands before a place in an answer: whether its line is blank so far, whether inline code is open, and the last words."""

from . import patterns

# Characters of text before a place that say whether an illustration follows.
_KEPT = 400


class TextBefore:
    """What of an answer was passed on already. `held`: the text behind it, in which a place is an index."""

    def __init__(self) -> None:
        self._text = ""
        # Of the line so far.
        self.is_blank, self._in_code = True, False

    def add(self, text: str) -> None:
        """More of a line."""
        self._text = (self._text + text)[-_KEPT:]

    def take(self, text: str) -> None:
        """More text, of any lines."""
        self.add(text)
        self.look_at_line(text)

    def begin_line(self) -> None:
        """What comes now counts as the start of a line."""
        self.is_blank, self._in_code = True, False

    def clear(self) -> None:
        """What comes now is the start of the answer."""
        self._text = ""
        self.begin_line()

    def look_at_line(self, text: str) -> None:
        """Follow the line through a text that is no part of the answer."""
        _, newline, tail = text.rpartition("\n")
        if newline:
            self.begin_line()
        self.is_blank = self.is_blank and not tail.strip()
        self._in_code ^= tail.count("`") % 2 == 1

    def last(self, held: str, at: int) -> str:
        """The character before a place, '' at the very start."""
        return (self._text + held[:at])[-1:]

    def is_line_start(self, held: str, at: int, *, is_after_mark: bool) -> bool:
        """Whether nothing but space stands before `at` in its line; the place after a marker counts as the start of one."""
        begin = held.rfind("\n", 0, at)
        is_blank = not held[begin + 1 : at].strip()
        return is_blank and (begin >= 0 or self.is_blank or is_after_mark)

    def is_inline_code(self, held: str, at: int) -> bool:
        """Whether `at` stands in a piece of inline code."""
        begin = held.rfind("\n", 0, at)
        return (held.count("`", begin + 1, at) % 2 == 1) ^ (begin < 0 and self._in_code)

    def is_talk(self, held: str, at: int) -> bool:
        """Whether the line before says that what follows is an illustration."""
        lines = (self._text + held[:at]).strip().rpartition("\n")
        return patterns.TALK.search(lines[2][-200:]) is not None
