"""Splits the text of an answer, as it arrives, into answer, reasoning and tool calls.

Only a call of an offered tool is a call. What explains a call (in a sentence, in inline code, in a code block with text around it, or
after words like "for example") stays text. Text that may still become a marker or a call is held back; all other text is given at once.
"""

import re
from functools import lru_cache

from . import markers, patterns
from .candidate import CALL_LANGUAGES, Candidate, Judgement, Kind
from .json_calls import TextCall
from .offered import OfferedTools
from .reading_budget import ReadingBudget
from .text_before import TextBefore
from .text_piece import TextPiece, joined

# A larger piece is read in parts of this length: reading a part takes time in proportion to its length times its markers.
_PART = 2048


# Every answer of a session offers the same tools.
@lru_cache(maxsize=16)
def _heads_of(names: tuple[str, ...]) -> tuple[tuple[str, ...], frozenset[str]]:
    """(How a call without a marker may begin, all beginnings of these texts)."""
    heads = (
        *patterns.WORDS,
        *(f"{before}{name}(" for name in names for before in ("", "Call: ", "default_api.")),
        *(f"{before}{name}\n" for name in names for before in ("", ">>>")),
    )
    return heads, frozenset(head[:length] for head in heads for length in range(1, len(head)))


class TextSplitter:
    """The splitter of one answer. `begins_thinking`: the text begins inside of the reasoning."""

    def __init__(self, offered: OfferedTools, *, begins_thinking: bool = False):
        self._offered = offered
        self._held = ""
        self._budget = ReadingBudget()
        # How much of the held text is known to be no marker.
        self._plain = 0
        self._candidate: Candidate | None = None
        self._before = TextBefore()
        self._fence = ""
        self._thinking: tuple[str, ...] | None = markers.THINKING_CLOSERS if begins_thinking else None
        self._has_text = self._has_thought = self._is_after_mark = False
        self._calls = 0
        # Calls that stand inside the reasoning: they count when nothing follows it.
        self._thought_calls: list[TextCall] = []
        self._reasoning: TextSplitter | None = None
        # Whether an answer was cut off inside of a call.
        self.is_call_cut = False
        self._heads, self._head_prefixes = _heads_of(offered.names) if offered else ((), frozenset[str]())

    def push(self, text: str) -> list[TextPiece]:
        """Take more text of the answer; the pieces that are certain now."""
        self._budget.took(len(text))
        if not self._before.is_blank and not self._held and self._thinking is None and not patterns.TRIGGER.search(text):
            # Most of an answer: more of a line, without anything that could begin a marker.
            self._before.add(text)
            return [TextPiece("text", text)] if text else []
        pieces: list[TextPiece] = []
        self._take(pieces, text)
        return joined(pieces)

    def push_thinking(self, text: str) -> list[TextPiece]:
        """Take more text that the server says is reasoning: calls in it count when the answer itself has nothing."""
        if self._reasoning is None:
            self._reasoning = TextSplitter(self._offered, begins_thinking=True)
            self._reasoning._thinking = ()
        return self._reasoning.push(text)

    def end(self, *, is_cut: bool = False) -> list[TextPiece]:
        """The rest. `is_cut`: the answer ended at its length limit, so a call that is not closed is none."""
        pieces: list[TextPiece] = []
        if self._reasoning is not None:
            pieces += self._reasoning.end(is_cut=is_cut)
            thought = self._reasoning._thought_calls
        else:
            thought = []
        while self._held:
            if is_cut and self._candidate is not None and self._candidate.kind in ("marked", "element", "message"):
                self.is_call_cut = True
                self._candidate = None
                self._say(pieces, self._held)
                self._held = ""
            elif not self._advance(pieces, is_last=True):
                self._say(pieces, self._held)
                self._held = ""
            if self._is_long():
                text, self._held = self._held, ""
                self._take(pieces, text)
        # A server that parses reasoning itself does not look for calls in it.
        calls = self._thought_calls or thought
        if not self._calls and not self._has_text and not is_cut:
            self._give(pieces, calls)
        return joined(pieces)

    # one step ---------------------------------------------------------------------------------------

    def _take(self, pieces: list[TextPiece], text: str) -> None:
        """Read more text part by part, until nothing more can be decided."""
        at = 0
        while at < len(text):
            end = at + max(_PART, len(self._held))
            self._held += text[at:end]
            at = end
            while self._held and self._advance(pieces, is_last=False):
                if self._is_long():
                    text, at = self._held[_PART:] + text[at:], 0
                    self._held = self._held[:_PART]

    def _is_long(self) -> bool:
        """Whether more than a part is held that is no candidate: what was one until now, and has to be read again."""
        return self._candidate is None and len(self._held) > 2 * _PART

    def _advance(self, pieces: list[TextPiece], *, is_last: bool) -> bool:
        """Decide on a part of the held text; False when nothing more can be decided now."""
        if self._candidate is not None:
            found = self._candidate.judge(self._held, is_last=is_last)
            if found is None:
                return False
            self._settle(pieces, found)
            return True
        if self._thinking is not None:
            return self._think(pieces, is_last)
        return self._read(pieces, is_last)

    def _settle(self, pieces: list[TextPiece], found: Judgement) -> None:
        candidate, self._candidate = self._candidate, None
        assert candidate is not None
        taken, self._held = self._held[: found.length], self._held[found.length :]
        if not found.calls:
            if candidate.kind == "fence":
                self._fence = taken.strip()[:3]
            self._say(pieces, taken)
        elif self._thinking is not None:
            self._thought_calls += found.calls
            self._say(pieces, taken)
        else:
            self._give(pieces, found.calls)
            self._held = self._held.lstrip()
        self._plain = 0

    def _think(self, pieces: list[TextPiece], is_last: bool) -> bool:
        assert self._thinking is not None
        at = self._plain
        while trigger := patterns.THOUGHT_TRIGGER.search(self._held, at):
            at = trigger.start()
            rest = self._held[at:]
            if closer := next((closer for closer in self._thinking if rest.startswith(closer)), ""):
                self._say(pieces, self._held[:at])
                # The beginning of the next message is not a part of this one's end.
                consumed = 0 if closer in ("<|start|>", "<|channel|>") else len(closer)
                self._held = rest[consumed:].lstrip("\n") if consumed else rest
                self._thinking, self._has_thought, self._is_after_mark = None, True, True
                self._before.begin_line()
                self._plain = 0
                return True
            if not is_last and (rest in patterns.PREFIXES or any(closer.startswith(rest) for closer in self._thinking)):
                break
            if self._offered and self._is_line_start(at) and (candidate := self._marked(rest, is_inline=False)):
                self._say(pieces, self._held[:at])
                self._held, self._candidate, self._plain = rest, candidate, 0
                return True
            if not is_last and self._is_line_start(at) and markers.UNFINISHED.fullmatch(rest):
                break
            at += 1
        else:
            at = len(self._held)
        self._say(pieces, self._held[:at])
        self._held, self._plain = self._held[at:], 0
        return False

    def _read(self, pieces: list[TextPiece], is_last: bool) -> bool:
        at = self._plain
        while at < len(self._held):
            if self._is_line_start(at) and not self._fence:
                decided = self._head(pieces, at, is_last)
                if decided is not None:
                    return decided
            trigger = patterns.TRIGGER.search(self._held, at)
            if trigger is None:
                break
            at = trigger.start()
            if self._held[at] == "\n":
                at += 1
                continue
            decided = self._mark(pieces, at, is_last)
            if decided is not None:
                return decided
            at += 3 if self._held.startswith(("```", "~~~"), at) else 1
        self._say(pieces, self._held)
        self._held, self._plain = "", 0
        return False

    def _head(self, pieces: list[TextPiece], at: int, is_last: bool) -> bool | None:
        """A call by words at the start of a line; None when there is none."""
        begin = at + len(self._held[at:]) - len(self._held[at:].lstrip(" \t"))
        rest = self._held[begin:]
        if not rest or (not is_last and rest in self._head_prefixes):
            return None if not rest else self._hold(pieces, begin)
        if not rest.startswith(self._heads) or self._is_talk(begin):
            return None
        if rest.startswith("to="):
            if message := patterns.RECIPIENT_HEAD.match(rest):
                return self._message(pieces, begin, message)
            return self._hold(pieces, begin) if not is_last and "\n" not in rest and len(rest) < 160 else None
        if rest.startswith("Action:"):
            if block := re.match(r"Action:\s*(?=```)", rest):
                self._say(pieces, self._held[:begin])
                self._held, self._plain = rest[block.end() :], 0
                self._before.begin_line()
                return True
            if action := patterns.REACT.match(rest):
                name = self._offered.find_meant(action.group("name"))
                if not name:
                    return None
                return self._consider(pieces, begin, self._begun("message", action.end(), ("\nObservation",), name=name))
            return self._hold(pieces, begin) if not is_last and patterns.REACT_HEAD.match(rest) else None
        if opener := patterns.OPENER.match(rest):
            return self._consider(pieces, begin, self._begun("marked", opener.end(), markers.mirror(opener.group())))
        # `read_file(path="a")` alone is a call only as the whole answer.
        return None if self._has_text else self._consider(pieces, begin, self._begun("bare"))

    def _mark(self, pieces: list[TextPiece], at: int, is_last: bool) -> bool | None:
        """What stands at a character that may begin a marker: True or False as `_advance`, None when it is text."""
        rest = self._held[at:]
        is_start = self._is_line_start(at)
        if is_start and rest[0] in "`~":
            return self._code(pieces, at, is_last)
        if self._fence or rest[0] in "`~" or (rest[0] == "{" and not is_start) or self._before.is_inline_code(self._held, at):
            return None
        if rest[0] == "<" and (message := patterns.MESSAGE.match(rest)):
            return self._message(pieces, at, message)
        if rest[0] == "<" and not is_last and patterns.MESSAGE_HEAD.fullmatch(rest):
            return self._hold(pieces, at)
        if (think := patterns.THINK.match(rest)) and (is_start or not self._has_text) and not (self._has_text and self._is_talk(at)):
            behind = rest[think.end() :]
            if not is_last and re.fullmatch(r"(?: [a-z]{0,8})?", behind):
                return self._hold(pieces, at)
            if patterns.TAG_TALK.match(behind):
                return None
            self._say(pieces, self._held[:at])
            self._held, self._plain = rest[think.end() :], 0
            self._thinking = markers.THINKING.get(think.group()) or markers.mirror(think.group())
            return True
        if stray := markers.STRAY.match(rest):
            behind = rest[stray.end() :].lstrip()
            if not behind and not is_last:
                return self._hold(pieces, at)
            if not behind or behind.startswith("<") or self._is_after_mark or not self._has_text:
                return self._drop(pieces, at, stray.end())
        if closer := patterns.THINK_CLOSER.match(rest):
            return self._unopened(pieces, at, closer.end(), is_last)
        if answer := patterns.ANSWER.match(rest):
            return self._drop(pieces, at, answer.end())
        if not is_last and rest in patterns.THINK_PREFIXES:
            return self._hold(pieces, at)
        if self._calls and is_start and (closer := patterns.CALL_CLOSER.match(rest)):
            return self._drop(pieces, at, closer.end())
        if self._offered and (candidate := self._candidate_at(rest, is_start, is_last)) and not self._is_talk(at):
            return self._consider(pieces, at, candidate)
        if not is_last and (
            rest in patterns.PREFIXES or rest in patterns.STRAY_PREFIXES or (is_start and markers.UNFINISHED.fullmatch(rest))
        ):
            return self._hold(pieces, at)
        return None

    def _marked(self, rest: str, *, is_inline: bool) -> Candidate | None:
        """A candidate for the marker at the beginning of `rest`."""
        if element := markers.ELEMENT.match(rest):
            return self._begun("element", 1, (f"</{element.group('tag')}>",), is_inline=is_inline)
        opener = patterns.OPENER.match(rest) or (markers.GENERIC.match(rest) if not is_inline else None)
        if opener is None or opener.group().startswith("</"):
            return None
        return self._begun("marked", opener.end(), markers.mirror(opener.group()), is_inline=is_inline)

    def _begun(self, kind: Kind, begin: int = 0, closers: tuple[str, ...] = (), *, is_inline: bool = False, name: str = "") -> Candidate:
        return Candidate(kind, self._offered, begin, closers, is_inline, name, self._budget)

    def _candidate_at(self, rest: str, is_start: bool, is_last: bool) -> Candidate | None:
        """A candidate for what begins with `rest`."""
        if candidate := self._marked(rest, is_inline=not is_start and re.match(r"</?\w", rest) is not None):
            return candidate
        if is_start and rest[0] in "{[" and (is_last or rest not in patterns.PREFIXES):
            candidate = self._begun("bare")
            return candidate if candidate.judge(rest) is None else None
        if is_start and (name := patterns.ELEMENT_NAME.match(rest)) and self._offered.find(name.group(1)):
            return self._begun("element", 1, (f"</{name.group(1)}>",))
        return None

    def _code(self, pieces: list[TextPiece], at: int, is_last: bool) -> bool | None:
        """A line that begins with the mark of a code block."""
        rest = self._held[at:]
        if rest in ("`", "``", "~", "~~") and not is_last:
            return self._hold(pieces, at)
        if not rest.startswith(("```", "~~~")):
            return None
        if self._fence:
            if rest.startswith(self._fence):
                self._fence = ""
            return None
        word = re.match(r"[`~]+([\w-]*)", rest)
        assert word is not None
        is_open = word.end() == len(rest) and not is_last
        if self._offered and (is_open or word.group(1).lower() in CALL_LANGUAGES) and not self._is_talk(at):
            return self._consider(pieces, at, self._begun("fence"))
        self._fence = rest[:3]
        return None

    def _message(self, pieces: list[TextPiece], at: int, message: "re.Match[str]") -> bool:
        """The beginning of a message in a format in which each says its channel."""
        head = message.group()
        rest = self._held[at:]
        recipient = patterns.RECIPIENT.search(head)
        name = self._offered.find_meant(recipient.group(1)) if recipient else ""
        self._say(pieces, self._held[:at])
        self._plain = 0
        if name:
            self._held = rest
            self._candidate = self._begun("message", message.end(), (*patterns.MESSAGE_CLOSERS, "<|start|>"), name=name)
        else:
            self._held, self._is_after_mark = rest[message.end() :], True
            self._before.begin_line()
            if "analysis" in head or "to=self" in head:
                self._thinking = ("<|end|>", "<|return|>", "<|eom|>", "<|start|>", "<|channel|>")
        return True

    def _unopened(self, pieces: list[TextPiece], at: int, length: int, is_last: bool) -> bool | None:
        """The closing marker of a reasoning that was never opened."""
        if self._has_thought or self._calls:
            return self._drop(pieces, at, length) if self._is_line_start(at) else None
        behind = self._held[at + length : at + length + 1]
        before = self._before.last(self._held, at)
        if before == " " and not behind and not is_last:
            return self._hold(pieces, at)
        if before == " " and behind not in ("", "\n"):
            return None
        self._say(pieces, self._held[:at])
        pieces.append(TextPiece("was_thinking"))
        self._held, self._plain = self._held[at + length :].lstrip("\n"), 0
        self._has_thought, self._has_text, self._is_after_mark = True, False, True
        self._before.clear()
        return True

    # text -------------------------------------------------------------------------------------------

    def _hold(self, pieces: list[TextPiece], at: int) -> bool:
        """Give the text before `at`, and wait for more of what stands there."""
        self._say(pieces, self._held[:at])
        self._held, self._plain = self._held[at:], 0
        return False

    def _drop(self, pieces: list[TextPiece], at: int, length: int) -> bool:
        self._say(pieces, self._held[:at])
        self._held, self._plain = self._held[at + length :], 0
        self._is_after_mark = True
        return True

    def _consider(self, pieces: list[TextPiece], at: int, candidate: Candidate) -> bool:
        self._say(pieces, self._held[:at])
        self._held, self._plain, self._candidate = self._held[at:], 0, candidate
        return True

    def _give(self, pieces: list[TextPiece], calls: list[TextCall]) -> None:
        self._calls += len(calls)
        self._is_after_mark = True
        self._before.begin_line()
        pieces += [TextPiece("call", name=call.name, arguments=call.arguments) for call in calls]

    def _say(self, pieces: list[TextPiece], text: str) -> None:
        if not text:
            return
        if self._thinking is not None:
            pieces.append(TextPiece("thinking", text))
            self._before.look_at_line(text)
            return
        # Space around calls is not a part of the answer.
        if self._calls and self._is_after_mark and not text.strip():
            return
        self._pass(text)
        pieces.append(TextPiece("text", text))

    def _pass(self, text: str) -> None:
        """Remember where in a line the text is, and what stands before."""
        self._has_text = self._has_text or bool(text.strip())
        self._is_after_mark = self._is_after_mark and not text.strip()
        self._before.take(text)

    def _is_line_start(self, at: int) -> bool:
        return self._before.is_line_start(self._held, at, is_after_mark=self._is_after_mark)

    def _is_talk(self, at: int) -> bool:
        return self._before.is_talk(self._held, at)
