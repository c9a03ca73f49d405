"""The chat template of one model as the engine uses it: any conversation becomes a prompt, and no text of it is missing.

What the template can take is found once, by trying. Each prompt is checked for the texts of its conversation; where one is missing, or
the template raises, the conversation is rendered in a plainer form: text apart from calls, then calls and results as text, then tools as
text, then a plain exchange of two roles.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, cast

import msgspec

from opta_core.logs import Log

from . import picture_marks
from .control_tokens import ControlTokens
from .conversation import HistoryCall, Message, conversation_of
from .renderer import TemplateRefusal, TemplateRenderer
from .shape import as_template_messages, shaped
from .switches import ThinkingSwitches
from .text_form import example_of, form_of, tools_as_text
from .tool_schemas import regular, simplified
from .trait_probe import TraitProbe
from .traits import TemplateTraits

# Stands behind the beginning of an answer, so that the prompt can be cut there.
_CUT = "\U0010fffd"
# The ways in which a template without a form for it can leave a thought open before the answer.
_OPEN_THOUGHTS = {"<think>": "</think>", "[THINK]": "[/THINK]", "<seed:think>": "</seed:think>", "<|think|>": "<|end|>"}

log = Log("engine.templates")


class Wishes(msgspec.Struct, frozen=True):
    """What a request says about thinking, and variables that it names for the template."""

    thinking: bool | None = None
    effort: str = ""
    budget: int = 0
    arguments: dict[str, Any] = {}


class ChatTemplate:
    """`tokenizer`: mlx-lm's wrapper of a Hugging Face tokenizer. `selects`: the template takes any conversation, and leaves out parts of
    it on purpose; it is not tried, and what is missing is not put in by other means. `renderer`: of a model that sees pictures.
    """

    def __init__(self, tokenizer: Any, *, selects: bool = False, renderer: TemplateRenderer | None = None):
        self._render = renderer or TemplateRenderer(tokenizer)
        self._control = ControlTokens(getattr(tokenizer, "_tokenizer", tokenizer), self._render.source)
        self._switches = ThinkingSwitches(self._render)
        # What the template takes, without and with declared tools; many templates are two, one for each case.
        selecting = TemplateTraits(keeps_history=False)
        self._traits = {tools: selecting if selects else TraitProbe(self._render, tools=tools).find() for tools in (False, True)}
        # The text of the template and the model's tokens: they name the marks that the model writes.
        self.marks = " ".join([self._render.source, *self._control.texts])
        self._form = form_of(self.marks)
        self._examples: dict[TemplateTraits, str] = {}

    def traits(self, *, tools: bool) -> TemplateTraits:
        """What the template takes, with or without declared tools."""
        return self._traits[tools]

    def tokens(self, messages: list[dict[str, Any]], tools: list[dict[str, Any]], wishes: Wishes) -> list[int]:
        """The tokens of a prompt. Raises TemplateRefusal when the template takes the conversation in no form."""
        hidden = self._control.hiding()
        return self._control.encode(self._prompt(messages, tools, wishes, hidden), hidden)

    def pictured(
        self, messages: list[dict[str, Any]], tools: list[dict[str, Any]], wishes: Wishes, pictures: Sequence[str]
    ) -> tuple[list[int], list[int]]:
        """(tokens of a prompt, numbers of its pictures in the order in which they stand there). `pictures`: what the model reads for each.

        Raises TemplateRefusal when the template takes the conversation in no form, or leaves out a picture.
        """
        hidden = self._control.hiding(pictures)
        prompt = self._prompt(messages, tools, wishes, hidden)
        order = picture_marks.numbers_in(prompt)
        if sorted(order) != list(range(len(pictures))):
            raise TemplateRefusal("it leaves out a picture of the conversation, or repeats one")
        return self._control.encode(prompt, hidden), order

    def text(self, messages: list[dict[str, Any]], tools: list[dict[str, Any]], wishes: Wishes) -> str:
        """The text of a prompt, as `tokens`."""
        hidden = self._control.hiding()
        return hidden.shown(self._prompt(messages, tools, wishes, hidden))[0]

    def _prompt(self, given: list[dict[str, Any]], tools: list[dict[str, Any]], wishes: Wishes, hidden: Any) -> str:
        conversation = conversation_of(given)
        # A begun answer is the model's: its marks are those that the model writes.
        untrusted = len(conversation) - (1 if begun_answer(conversation) else 0)
        conversation = [_hidden(message, hidden) for message in conversation[:untrusted]] + conversation[untrusted:]
        tools = [regular(hidden.hide_in(tool)) for tool in tools]
        switched = self._switches.of(wishes.thinking, wishes.effort, wishes.budget)
        arguments = {**switched.arguments, **wishes.arguments}
        best: str | None = None
        best_lost = 0
        first: TemplateRefusal | None = None
        for traits, offered in self._forms(tools):
            try:
                instructions = [switched.words, "" if traits.tools or not tools else tools_as_text(tools, self._example(traits))]
                messages = shaped(conversation, traits, "\n\n".join(filter(None, instructions)), self._form)
                prompt = self._rendered(messages, offered if traits.tools else [], arguments, traits)
            except TemplateRefusal as error:
                first = first or error
                continue
            lost = _lost(prompt, messages) if traits.keeps_history else 0
            if not lost:
                return prompt
            if best is None or lost < best_lost:
                best, best_lost = prompt, lost
        if best is None:
            assert first is not None
            raise first
        log.warning("the chat template leaves out parts of a conversation", parts=best_lost)
        return best

    def _forms(self, tools: list[dict[str, Any]]) -> Iterator[tuple[TemplateTraits, list[dict[str, Any]]]]:
        """(traits, tools) of each form that a conversation can have, from the template's own to the plainest."""
        traits = self.traits(tools=bool(tools))
        yield traits, tools
        if tools and traits.tools and (plain := [simplified(tool) for tool in tools]) != tools:
            tools = plain
            yield traits, tools
        if traits.calls:
            yield replace(traits, text_with_calls=False, parallel=False, reasoning=""), tools
            traits = replace(traits, calls=False, results=False, reasoning="")
            yield traits, tools
        if tools and traits.tools:
            traits = replace(self.traits(tools=False), calls=False, results=False, reasoning="", tools=False)
            yield traits, []
        plainest = replace(
            traits,
            results=False,
            system=False,
            system_twice=False,
            system_later=False,
            user_twice=False,
            assistant_twice=False,
            assistant_first=False,
            user_after_result=False,
            no_user=False,
        )
        if plainest != traits:
            yield plainest, tools

    def _example(self, traits: TemplateTraits) -> str:
        """How a call is written: as the template writes earlier ones, or in the form for text."""
        if traits not in self._examples:
            self._examples[traits] = example_of(self._written if traits.calls else self._form)
        return self._examples[traits]

    def _written(self, call: HistoryCall) -> str:
        """A call as the template writes it."""
        traits = replace(self.traits(tools=False), calls=True)
        asked = [Message("user", "Hello")]
        try:
            before = self._render(as_template_messages(asked, traits), [], {})
            called = self._render(as_template_messages([*asked, Message("assistant", calls=(call,))], traits), [], {}, asks=False)
            said = self._render(as_template_messages([*asked, Message("assistant", _CUT)], traits), [], {}, asks=False)
        except TemplateRefusal:
            return self._form(call)
        begin = next((at for at, (a, b) in enumerate(zip(before, called, strict=False)) if a != b), len(before))
        return called[begin:].removesuffix(said.rpartition(_CUT)[2]).strip() or self._form(call)

    def _rendered(self, messages: list[Message], tools: list[dict[str, Any]], arguments: dict[str, Any], traits: TemplateTraits) -> str:
        if not messages or messages[-1].role != "assistant" or messages[-1].calls:
            return self._render(as_template_messages(messages, traits), tools, arguments)
        return self._continued(messages, messages[-1].text, tools, arguments, traits)

    def _continued(
        self, messages: list[Message], begun: str, tools: list[dict[str, Any]], arguments: dict[str, Any], traits: TemplateTraits
    ) -> str:
        """A prompt that ends with the beginning of the answer."""
        marked = [*messages[:-1], replace(messages[-1], text=begun + _CUT)]
        try:
            prompt, cut, _ = self._render(as_template_messages(marked, traits), tools, arguments, asks=False).rpartition(_CUT)
            if cut and prompt.endswith(begun.lstrip()):
                return prompt
        except TemplateRefusal as error:
            log.debug("the chat template takes no begun answer", reason=error)
        prompt = self._render(as_template_messages(messages[:-1], traits), tools, arguments)
        opened = next((opener for opener in _OPEN_THOUGHTS if prompt.rstrip().endswith(opener)), "")
        if opened and begun.lstrip().startswith(opened):
            return prompt.rstrip() + begun.lstrip().removeprefix(opened)
        return prompt + (f"\n{_OPEN_THOUGHTS[opened]}\n\n" if opened else "") + begun


def begun_answer(conversation: list[Message]) -> str:
    """The beginning of the answer that a conversation ends with; '' when it ends with anything else."""
    last = conversation[-1] if conversation else None
    return last.text if last is not None and last.role == "assistant" and not last.calls and last.text.strip() else ""


def _hidden(message: Message, hidden: Any) -> Message:
    calls = tuple(replace(call, arguments=hidden.hide_in(call.arguments)) for call in message.calls)
    return replace(message, text=hidden.hide_between_marks(message.text), reasoning=hidden.hide(message.reasoning), calls=calls)


def _lost(prompt: str, messages: list[Message]) -> int:
    """How many texts of the messages are missing in the prompt. Instructions may have moved; the others follow each other."""
    at = lost = 0
    for message in messages:
        texts = [message.text] + [part for call in message.calls for part in (call.name, *_leaves(call.arguments))]
        if message.role == "system":
            lost += sum(_find(prompt, text, 0) < 0 for text in texts)
            continue
        if len(parts := picture_marks.split_at_marks(message.text)) > 1:
            # Templates write pictures where they want to, and put words or lines between them.
            lost += sum(_find(prompt, part, 0) < 0 for part in parts)
            continue
        if message.role != "tool":
            end = _find(prompt, message.text, at)
            lost += end < 0
            at = max(at, end)
        # Some put arguments before names, or results in another order.
        lost += sum(_find(prompt, text, at if message.calls and message.text != text else 0) < 0 for text in texts[1:])
        if message.role == "tool":
            lost += _find(prompt, message.text, at) < 0
    return lost


def _find(prompt: str, text: str, at: int) -> int:
    """The end of a text in the prompt, -1 when it is missing. Templates trim texts, and write some as JSON."""
    text = text.strip()
    if not text:
        return at
    for form in (text, json.dumps(text, ensure_ascii=False)[1:-1], json.dumps(text)[1:-1]):
        found = prompt.find(form, at)
        if found >= 0:
            return found + len(form)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    ends = [prompt.find(line, at) for line in lines]
    return at if all(end >= 0 for end in ends) else -1


def _leaves(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [leaf for entry in cast("dict[str, Any]", value).values() for leaf in _leaves(entry)]
    if isinstance(value, list):
        return [leaf for entry in cast("list[Any]", value) for leaf in _leaves(entry)]
    return []
