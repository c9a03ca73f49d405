"""A part of a text that may be a tool call: decides whether it is one, as more of it arrives."""

import re
from dataclasses import dataclass, field
from typing import Any, Literal

from . import tolerant_json
from .call_body import calls_of, may_begin, unreadable_call
from .json_calls import ARGUMENT_KEYS, LIST_KEYS, NAME_KEYS, TextCall
from .markers import STRAY
from .offered import OfferedTools
from .reading_budget import ReadingBudget
from .tolerant_json import Incomplete, Unreadable

# A body is looked at again when it has grown by this share: reading it at every piece would take quadratic time.
_GROWTH = 1.25
# So long a beginning says whether a body can be a call at all.
_BEGINNING = 400
_KEYS = (*NAME_KEYS, *ARGUMENT_KEYS, *LIST_KEYS, "type", "id", "thought")
_NAME_VALUE = re.compile(r"""["'](?:name|tool_name)["']\s*:\s*["']([^"'\n]*)["']""")
_ENDS = ("<|im_end|>", "<|eot_id|>", "<|eom_id|>", "<|endoftext|>", "</s>", "<end_of_turn>")
_FENCED = re.compile(
    r"\s*(?:\*{0,2}(?:Tool|Function) Calls?:\*{0,2}\s*)?(?P<mark>```+|~~~+)(?P<word>[\w-]*)[ \t]*\n(?P<body>.*?)(?P=mark)[ \t]*(?=\n|$)",
    re.DOTALL,
)
# Languages of a code block that may be a call. A block of program code is one never.
CALL_LANGUAGES = frozenset(
    {"", "json", "json5", "jsonc", "tool_call", "tool_code", "tool_calls", "tool", "function", "xml", "tool_use", "text"}
)
_MARKED_LANGUAGES = frozenset({"tool_call", "tool_code", "tool_calls", "tool", "tool_use"})


@dataclass(frozen=True)
class Judgement:
    """A decision. `calls`: what the first `length` characters call; without calls these characters are text."""

    length: int
    calls: list[TextCall] = field(default_factory=list[TextCall])


Kind = Literal["marked", "element", "fence", "bare", "message"]


@dataclass
class Candidate:
    """`text` grows in the splitter; `begin` is the length of its opening marker, `closers` are the markers that may end it.

    `is_inline`: text of the same line stands before it, so text behind it on that line makes it prose.
    """

    kind: Kind
    offered: OfferedTools
    begin: int = 0
    closers: tuple[str, ...] = ()
    is_inline: bool = False
    name: str = ""
    budget: ReadingBudget = field(default_factory=ReadingBudget)
    _look_at: int = 0
    _scanned: int = 0

    def judge(self, text: str, *, is_last: bool = False) -> Judgement | None:
        """What `text` is, None while that depends on what comes. `is_last`: nothing comes any more."""
        if self.budget.is_spent:
            return Judgement(max(1, self.begin))
        match self.kind:
            case "marked" | "message":
                return self._marked(text, is_last)
            case "element":
                return self._element(text, is_last)
            case "fence":
                return self._fence(text, is_last)
            case "bare":
                return self._bare(text, is_last)

    def _marked(self, text: str, is_last: bool) -> Judgement | None:
        if len(text) < self.begin + _BEGINNING and not self._is_plausible(text[self.begin :]):
            return Judgement(self.begin)
        found = self._closed(text)
        if found is None and is_last:
            body = text[self.begin :]
            calls = self._calls(self._without_closers(body), closes=True) or unreadable_call(body, self.offered)
            found = Judgement(len(text), calls) if calls else Judgement(self.begin)
        return self._unless_prose(text, found, is_last)

    def _is_plausible(self, body: str) -> bool:
        if self.kind == "message":
            return not body.strip() or body.lstrip()[0] in "{[\"'`<"
        named = _NAME_VALUE.search(body)
        return may_begin(body, self.offered) and (named is None or bool(self.offered.find_meant(named.group(1))))

    def _closed(self, text: str) -> Judgement | None:
        """The calls up to the first closing marker that is not a part of them."""
        at = max(self.begin, self._scanned)
        while True:
            ends = [(position, closer) for closer in self.closers if (position := text.find(closer, at)) >= 0]
            if not ends:
                break
            position, closer = min(ends)
            body = text[self.begin : position]
            calls = self._calls(body) or (
                self._calls(body, closes=True) if body.lstrip()[:1] in ("{", "[") or self.kind == "message" else []
            )
            if calls:
                return Judgement(position + len(closer), calls)
            at = position + len(closer)
        self._scanned = max(at, len(text) - max(map(len, self.closers), default=0))
        return None

    def _calls(self, body: str, *, closes: bool = False) -> list[TextCall]:
        if self.kind == "message" and not body.lstrip().startswith("<"):
            if not self.budget.spend(len(body)):
                return []
            try:
                value: Any = tolerant_json.read(body) if body.strip() else {}
            except Unreadable:
                return [TextCall(self.name, body.strip())] if closes else []
            return [TextCall(self.name, value if isinstance(value, dict) else body.strip())]
        return self._calls_of(body, closes=closes)

    def _calls_of(self, body: str, *, is_marked: bool = True, closes: bool = False) -> list[TextCall]:
        return calls_of(body, self.offered, is_marked=is_marked, closes=closes) if self.budget.spend(len(body)) else []

    def _without_closers(self, body: str) -> str:
        body = body.rstrip()
        for closer in self.closers:
            body = body.removesuffix(closer)
            # A closing marker that was cut off.
            cut = next((n for n in range(len(closer) - 1, 1, -1) if body.endswith(closer[:n])), 0)
            body = body[: len(body) - cut] if cut else body
        return body

    def _element(self, text: str, is_last: bool) -> Judgement | None:
        """An element that is a call itself, and those that follow it."""
        for closer in self.closers:
            end = text.rfind(closer, max(0, self._scanned - len(closer)))
            if end >= 0 and (is_last or end + len(closer) > self._scanned):
                self._scanned = end + len(closer)
                if calls := self._calls_of(text[: self._scanned]):
                    return self._unless_prose(text, Judgement(self._scanned, calls), is_last)
        if not is_last:
            return None
        calls = self._calls_of(text, closes=True)
        return Judgement(len(text), calls) if calls else Judgement(self.begin)

    def _unless_prose(self, text: str, found: Judgement | None, is_last: bool) -> Judgement | None:
        if found is None or not self.is_inline or not found.calls:
            return found
        rest = text[found.length :].lstrip(" \t")
        if not rest:
            return found if is_last else None
        return found if rest[0] in "\n<[" else Judgement(found.length)

    def _fence(self, text: str, is_last: bool) -> Judgement | None:
        """Code blocks that hold calls and nothing else, and that nothing follows."""
        if not is_last and len(text) < self._look_at:
            return None
        head, newline, body = text.partition("\n")
        if not newline:
            return Judgement(len(text)) if is_last or len(head) > 40 else None
        word = head.strip().strip("`~").lower()
        if word not in CALL_LANGUAGES or not _may_hold_call(body, self.offered):
            return Judgement(len(head) + 1)
        calls: list[TextCall] = []
        at = 0
        while block := _FENCED.match(text, at):
            language, content = block.group("word").lower(), block.group("body").rstrip(" \t").removesuffix("\n")
            found = self._calls_of(content, is_marked=language in _MARKED_LANGUAGES or "<" in content[:20])
            if language not in CALL_LANGUAGES or not found:
                return Judgement(len(head) + 1)
            calls += found
            at = block.end()
        rest = text[at:].strip()
        if at and not (not rest or "```".startswith(rest) or rest.startswith(("```", "**Tool Call")) or "**Tool Call:**".startswith(rest)):
            return Judgement(len(head) + 1)
        if not is_last:
            self._look_at = int(len(text) * _GROWTH) if len(text) > _BEGINNING else 0
            return None
        if rest:
            unclosed = self._calls_of(
                rest.strip("`~").partition("\n")[2] if rest.startswith(("```", "~~~")) else "", is_marked=False, closes=True
            )
            if not unclosed:
                return Judgement(len(head) + 1)
            calls += unclosed
        return Judgement(len(text), calls)

    def _bare(self, text: str, is_last: bool) -> Judgement | None:
        """Calls without any marker: they are the rest of the answer, whole."""
        if not is_last and len(text) < self._look_at:
            return None
        if not _may_hold_call(text, self.offered):
            return Judgement(1)
        if is_last:
            calls = self._calls_of(text, is_marked=False, closes=True)
            return Judgement(len(text), calls) if calls else Judgement(1)
        if len(text) > _BEGINNING:
            self._look_at = int(len(text) * _GROWTH)
        if text[0] in "{[" and (not self.budget.spend(len(text)) or _is_over(text)):
            return Judgement(1)
        return None


def _is_over(text: str) -> bool:
    """Whether a JSON value is whole and something else follows that is no further value."""
    try:
        _, at = tolerant_json.read_at(text)
    except Incomplete:
        return False
    except Unreadable:
        # It may be a list of Python calls.
        return text[0] == "{"
    rest = text[at:].strip(" \n\r\t,;}]")
    return bool(rest) and rest[0] not in "{[`" and not STRAY.match(rest) and not any(end.startswith(rest) for end in _ENDS)


def _may_hold_call(text: str, offered: OfferedTools) -> bool:
    """Whether a text without markers may still become calls of offered tools."""
    rest = text.lstrip()
    if not rest:
        return True
    if rest[0] == "<":
        return may_begin(rest, offered)
    if rest[0] not in "{[":
        called = [f"{before}{name}(" for name in offered.names for before in ("", "Call: ", "print(", "default_api.", "print(default_api.")]
        called += [
            f"{before}{name}\n{after}" for name in offered.names for before in ("", ">>>") for after in ("{", "```python\ntool_call(")
        ]
        return any(head.startswith(rest) or rest.startswith(head) for head in called)
    rest = rest.lstrip("[ \n\r\t")
    if not rest:
        return True
    if rest[0] != "{":
        # `[read_file(path="a")]`
        return any(name.startswith(rest) or re.match(rf"{re.escape(name)}\s*\(", rest) for name in offered.names)
    named = _NAME_VALUE.search(rest[:_BEGINNING])
    if named is not None and not offered.find(named.group(1)):
        return False
    key = rest[1:].lstrip()
    if not key:
        return True
    if key[0] not in "\"'":
        return False
    return any(wanted.startswith(key[1:]) or re.match(rf"{wanted}[\"']", key[1:]) for wanted in _KEYS)
