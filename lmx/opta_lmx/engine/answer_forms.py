"""The form of each answer of one model: which tokens may come, and how its text is read."""

from collections.abc import Callable
from typing import Any

from opta_core.tool_text import markers

from ..ipc.messages import Generate
from ..parsing.family_parser import FamilyParser, behind, opens_thinking
from ..parsing.forced_calls import ForcedCallParser
from ..parsing.output_parser import Markers, OutputParser
from ..parsing.thinking_first import AnswerParser, ThinkingFirst
from . import sampling
from .answer_constraint import AnswerConstraint, ThinkingFrame
from .call_constraint import CallConstraint
from .copy_constraint import processor_of
from .grammar import Grammars, schema_of
from .sequence import Sequence, Vocabulary
from .templates.chat_template import begun_answer
from .templates.conversation import conversation_of
from .thinking_limit import ThinkingLimit

_THINKING = [(start, end) for start, ends in markers.THINKING.items() for end in ends[:1]]


class AnswerForms:
    """`tokenizer`: mlx-lm's wrapper of a Hugging Face tokenizer; `copies`: whether the model's calls copy from the user's message;
    `is_parted`: whether it answers in marked parts without tools, too.
    """

    def __init__(self, tokenizer: Any, vocabulary: Vocabulary, *, copies: bool, is_parted: bool):
        self._tokenizer, self._vocabulary, self._copies, self._is_parted = tokenizer, vocabulary, copies, is_parted
        self._grammars = Grammars(tokenizer._tokenizer, list(tokenizer.eos_token_ids))
        self._markers = Markers(
            think_start=tokenizer.think_start or "",
            think_end=tokenizer.think_end or "",
            call_start=tokenizer.tool_call_start or "",
            call_end=tokenizer.tool_call_end or "",
        )
        self._think_marks = self._think_marks_of()

    def constrain(self, sequence: Sequence) -> None:
        """Give a sequence its logits processors. Raises GrammarError."""
        order, budget, known = sequence.order, sequence.answer_tokens_max, len(sequence.prompt)
        sequence.processors = sampling.processors(order, known)
        if (schema := schema_of(order)) is not None:
            sampler = sampling.trial_sampler(order, self._vocabulary.size)
            thinking = self._thinking(order, sequence.prompt)
            sequence.constraint = AnswerConstraint(self._grammars, schema, budget, thinking, sampler, known)
            sequence.processors.append(sequence.constraint.process)
        elif order.strict and self._markers.call_start:
            sampler, start, end = sampling.trial_sampler(order, self._vocabulary.size), self._markers.call_start, self._markers.call_end
            sequence.constraint = CallConstraint(self._grammars, order.tools, start, end, budget, sampler, known)
            sequence.processors.append(sequence.constraint.process)
            self._limit_thinking(sequence, sequence.constraint.is_outside_of_calls)
        else:
            if self._copies:
                sequence.processors.append(processor_of(order, self._vocabulary.pieces(), known))
            self._limit_thinking(sequence)

    def _limit_thinking(self, sequence: Sequence, may_end: Callable[[], bool] = lambda: True) -> None:
        """End the reasoning of an answer in free text when its tokens are spent."""
        thinking = self._thinking(sequence.order, sequence.prompt)
        if ThinkingLimit.holds_for(thinking, self._grammars):
            sequence.processors.append(ThinkingLimit(self._grammars, thinking, len(sequence.prompt), may_end).process)

    def _thinking(self, order: Generate, prompt: list[int]) -> ThinkingFrame:
        """How the model thinks in the answer to this prompt."""
        ending = self._vocabulary.text(prompt[-16:]).rstrip()
        # A template may open the reasoning with marks that the tokenizer does not declare.
        opened = next((marks for marks in (self._think_marks, *_THINKING) if marks[0] and ending.endswith(marks[0])), None)
        start, end = opened or self._think_marks
        if not end:
            return ThinkingFrame()
        is_closed = order.thinking is False or ending.endswith(end)
        return ThinkingFrame(start, end, opened is not None, not is_closed, order.thinking_budget)

    def _think_marks_of(self) -> tuple[str, str]:
        """The marks around the reasoning: as mlx-lm knows them, or marks of any family that are tokens of this model; '' for none."""
        if self._markers.think_start and self._markers.think_end:
            return self._markers.think_start, self._markers.think_end
        return next((marks for marks in _THINKING if all(len(self._grammars.encode(mark)) == 1 for mark in marks)), ("", ""))

    def parser(self, order: Generate, prompt: list[int]) -> AnswerParser:
        """How the text of the answer to this prompt is read."""
        thinking = self._thinking(order, prompt)
        if order.forced or order.schema is not None:
            answer = ForcedCallParser() if order.forced else OutputParser(Markers(), None, order.stop)
            return ThinkingFirst(thinking.start, thinking.end, answer, begins_thinking=thinking.is_open)
        parser = self._tokenizer.tool_parser
        is_any = bool(order.tools) or self._is_parted
        ending = self._vocabulary.text(prompt[-8:]).rstrip()
        is_known = bool(self._markers.think_start) and ending.endswith(self._markers.think_start)
        begins_thinking = is_known or (is_any and opens_thinking(ending))
        made = (FamilyParser if is_any else OutputParser)(
            self._markers if order.tools else Markers(self._markers.think_start, self._markers.think_end),
            (lambda text: parser(text, order.tools)) if parser else None,
            order.stop,
            begins_thinking=begins_thinking,
            tools=order.tools,
            one_call=order.one_call,
        )
        return behind(begun_answer(conversation_of(order.messages[-1:])), made)
