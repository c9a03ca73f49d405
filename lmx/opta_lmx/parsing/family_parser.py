"""Parses the output of models of every family: those that mark calls and reasoning in other ways than mlx-lm knows, harmony among them.

A second stage behind `OutputParser`, which knows the markers that the model's tokenizer declares. What that one takes for plain text is
split again by what it shares with the agent (`opta_core.tool_text`): calls of any family, channels, and tags around reasoning.
"""

import json
import re
from typing import Any

from opta_core.tool_text import call_arguments, call_body, markers
from opta_core.tool_text.call_arguments import UnreadableArguments
from opta_core.tool_text.offered import OfferedTools
from opta_core.tool_text.splitter import TextSplitter
from opta_core.tool_text.text_piece import TextPiece
from opta_core.tool_text.tolerant_json import TooDeep

from . import tool_call_repair
from .output_parser import CallParser, Markers, OutputParser, OutputPiece, possible_start

# Marks that say that even an answer without tools is in parts.
_PARTED = re.compile(
    "|".join(
        map(re.escape, ["<|channel|>", "<|start|>", *(mark for mark in markers.THINKING if mark != "<think>"), *markers.ANSWER_MARKERS])
    )
)

_NAME = re.compile(r"[\w.:/-]{1,128}")


def is_parted(marks: str) -> bool:
    """Whether a model answers in marked parts. `marks`: the text of its chat template, and its tokens."""
    return _PARTED.search(marks) is not None


def has_marks(text: str) -> bool:
    """Whether a text has marks of calls, of reasoning, or of channels."""
    return _PARTED.search(text) is not None or any(mark in text for mark in ("<think>", *markers.OPENERS))


def opens_thinking(prompt: str) -> bool:
    """Whether a prompt ends with the mark that begins the reasoning."""
    return prompt.rstrip().endswith(tuple(markers.THINKING))


def behind(begun: str, parser: OutputParser) -> OutputParser:
    """The parser of what follows the beginning of an answer; that beginning is not given again, and one without marks says nothing."""
    if has_marks(begun):
        parser.parse(begun)
    return parser


class FamilyParser(OutputParser):
    """The parser of one answer in any family's form; as `OutputParser` in all else."""

    def __init__(
        self,
        marks: Markers,
        parse_call: CallParser | None,
        stop: list[str],
        *,
        begins_thinking: bool = False,
        tools: list[dict[str, Any]] | None = None,
        one_call: bool = False,
    ):
        # The first stage knows its own marker of reasoning, the second all others.
        is_known = begins_thinking and bool(marks.think_end)
        super().__init__(marks, parse_call, [], begins_thinking=is_known, tools=tools, one_call=one_call)
        self._wanted_stops = [text for text in stop if text]
        self._offered = OfferedTools(tools or [])
        self._splitter = TextSplitter(self._offered, begins_thinking=begins_thinking and not is_known)
        self._only_one, self._has_call = one_call, False
        # Text of the answer that may be the beginning of a stop string.
        self._unsaid: str = ""

    @property
    def is_stopped(self) -> bool:
        """Whether the answer is over: a stop string was found, or the one allowed call was made."""
        return bool(self.stopped_by) or (self._only_one and self._has_call)

    def parse(self, text: str) -> list[OutputPiece]:
        """Take more text; returns the pieces that are certain now."""
        return [] if self.is_stopped else self._again(super().parse(text))

    def end(self, *, is_cut: bool = False) -> list[OutputPiece]:
        """The rest, when the model is done."""
        if self.is_stopped:
            return []
        pieces = self._again(super().end(is_cut=is_cut))
        if not self.is_stopped:
            pieces += self._said(self._splitter.end(is_cut=is_cut))
        unsaid, self._unsaid = self._unsaid, ""
        return [*pieces, OutputPiece("text", unsaid)] if unsaid and not self.is_stopped else pieces

    def _calls(self, text: str) -> list[OutputPiece]:
        """What the model's own parser makes of a body, unless that is no call of an offered tool and a shared format is."""
        malformed = self.malformed
        pieces = super()._calls(text)
        if all(piece.kind == "call" and piece.name in self._offered for piece in pieces):
            return pieces
        if calls := call_body.calls_of(text, self._offered) or call_body.calls_of(text, self._offered, closes=True):
            self.malformed = malformed
            return [self._call(TextPiece("call", name=call.name, arguments=call.arguments)) for call in calls]
        if all(_NAME.fullmatch(piece.name) for piece in pieces if piece.kind == "call"):
            return pieces
        # Some parsers make a call of any text.
        return [self._malformed(f"{self._markers.call_start}{text}{self._markers.call_end}")]

    def _again(self, pieces: list[OutputPiece]) -> list[OutputPiece]:
        """The pieces of the first stage, with its text split again."""
        found: list[OutputPiece] = []
        for piece in pieces:
            if self.is_stopped:
                break
            if piece.kind == "text":
                found += self._said(self._splitter.push(piece.text))
                continue
            if piece.kind == "call":
                found += self._said(self._splitter.end())
                self._splitter = TextSplitter(self._offered)
                self._has_call = True
            found += [*self._unheld(), piece]
        return found

    def _said(self, pieces: list[TextPiece]) -> list[OutputPiece]:
        found: list[OutputPiece] = []
        for piece in pieces:
            if self.is_stopped:
                break
            match piece.kind:
                case "text":
                    found += self._until_stop(piece.text)
                case "thinking":
                    found += [*self._unheld(), OutputPiece("thinking", piece.text)]
                case "call":
                    found += [*self._unheld(), self._call(piece)]
                    self._has_call = True
                case "was_thinking":
                    # Its text was given as answer already.
                    pass
        return found

    def _call(self, piece: TextPiece) -> OutputPiece:
        try:
            given = call_arguments.read(piece.arguments) if isinstance(piece.arguments, str) else piece.arguments
        except (UnreadableArguments, TooDeep):
            self.malformed += 1
            return OutputPiece("text", f'<tool_call>{{"name": {json.dumps(piece.name)}, "arguments": {piece.arguments}}}</tool_call>')
        name, arguments = tool_call_repair.fitted(piece.name, given, self._tools)
        return OutputPiece("call", name=name, arguments=json.dumps(arguments, ensure_ascii=False))

    def _unheld(self) -> list[OutputPiece]:
        """Text that was held for a stop string, when something else follows it."""
        unsaid, self._unsaid = self._unsaid, ""
        return [OutputPiece("text", unsaid)] if unsaid else []

    def _until_stop(self, text: str) -> list[OutputPiece]:
        """Text of the answer up to a stop string."""
        text = self._unsaid + text
        self._unsaid = ""
        found = [(at, stop) for stop in self._wanted_stops if (at := text.find(stop)) >= 0]
        if found:
            at, self.stopped_by = min(found)
            text = text[:at]
        elif keep := possible_start(text, self._wanted_stops):
            text, self._unsaid = text[: len(text) - keep], text[len(text) - keep :]
        return [OutputPiece("text", text)] if text else []
