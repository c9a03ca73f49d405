"""A model that sees pictures, computed by mlx-vlm: the engine of kind "vision".

One sequence runs at a time, and the others wait in order: models with positions of several dimensions keep those of the running prompt on
themselves. The messages are those of the other engine.
"""

import json
import os
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from opta_core.logs import Log
from opta_core.process.process import memory_bytes

from ...distributed.ranks import Ranks
from ...ipc.messages import (
    Cancel,
    Embed,
    EngineConfig,
    EngineMessage,
    Failed,
    Generate,
    Loaded,
    Ping,
    Share,
    ToEngine,
    Tokenize,
    Tokens,
    Trim,
)  # fmt: skip
from ...parsing.family_parser import is_parted
from .. import sampling
from ..answer_forms import AnswerForms
from ..cache.cache_cost import CacheCost
from ..manners import Manners
from ..mlx_adapter import generation_stream, mx, weight_bytes
from ..prompts import Prompts
from ..sequence import Sequence, Vocabulary
from ..sequence_maker import SequenceMaker, refusal_by_memory
from ..templates.picture_renderer import PictureRenderer
from ..templates.renderer import TemplateRefusal
from ..tokenizer_thread import TokenizerThread
from . import picture_files
from .kept_conversation import FAMILIES, KeptConversation
from .picture_files import PictureRefusal
from .picture_processor import PictureProcessor
from .vision_answer import VisionAnswer
from .vlm_adapter import generate, is_plain, load_model, make_cache

IDLE_S = 0.01
_WARM_UP_TOKENS = 64

log = Log("engine.vision")


@dataclass
class _Waiting:
    """An order whose pictures were checked. `names`: of their contents."""

    order: Generate
    names: list[str]


class VisionEngine:
    """Owns the model, the running answer and the KV cache of the last one. `send` gets every message for the server; it may wait."""

    def __init__(self, config: EngineConfig, send: Callable[[list[EngineMessage]], None]):
        started = time.monotonic()
        self._send, folder = send, Path(config.folder)
        self.ranks = Ranks(generation_stream)
        mx.random.seed(time.time_ns())
        self._model, processor, self._tokenizer = load_model(folder)
        mx.set_cache_limit(config.reserve_bytes)
        renderer = PictureRenderer(self._tokenizer)
        self._pictures = PictureProcessor(self._model, processor, self._tokenizer, renderer.written)
        self._prompts = Prompts(self._tokenizer, renderer=renderer)
        vocabulary, self._manners = Vocabulary(self._tokenizer), Manners(folder, config.preset)
        forms = AnswerForms(self._tokenizer, vocabulary, copies=False, is_parted=is_parted(self._prompts.template.marks))
        self._ends: set[int] = set(self._tokenizer.eos_token_ids)
        self._vocabulary_size = vocabulary.size
        self._context_length = self._manners.context_length(json.loads((folder / "config.json").read_text()))
        self._maker = SequenceMaker(vocabulary, forms, self._context_length)
        self._checks = TokenizerThread(is_synchronous=False)
        self._waiting: deque[_Waiting] = deque()
        self._running: VisionAnswer | None = None
        # Of the last request: the whole conversation, and its prompt where nothing can leave a cache.
        self._kept: list[KeptConversation] = []
        self._is_kept = getattr(self._model.config, "model_type", "") in FAMILIES
        self._prefix_bytes, self._cache_bytes = config.prefix_bytes, config.cache_bytes
        self._steps, self._step_s = 0, 0.0
        self._cost = self._warm_up()
        longest = min(config.conversation_tokens, self._context_length or config.conversation_tokens)
        self._weight_bytes, self._conversation_bytes = weight_bytes(self._model), self._cost.bytes(longest)
        self.seconds = time.monotonic() - started

    def loaded(self) -> Loaded:
        """The state of the engine."""
        return Loaded(
            pid=os.getpid(),
            seconds=round(self.seconds, 2),
            context_length=self._context_length,
            memory=memory_bytes(),
            running=len(self._checks) + len(self._waiting) + (self._running is not None),
            prefix_bytes=sum(kept.size for kept in self._kept),
            steps=self._steps,
            step_s=round(self._step_s, 3),
            weight_bytes=self._weight_bytes,
            conversation_bytes=self._conversation_bytes,
        )

    @property
    def is_busy(self) -> bool:
        """Whether a step has work."""
        return bool(self._running or self._waiting or len(self._checks))

    def take(self, order: ToEngine, size: int = 0) -> None:
        """Take a message of the server. `size`: its bytes; large pictures are checked in a thread."""
        match order:
            case Generate():
                self.start(order, size)
            case Embed():
                self._fail(order.id, "invalid", "This model cannot compute embeddings.")
            case Tokenize():
                self._tokenize(order)
            case Cancel(id=id_):
                self.cancel(id_)
            case Trim():
                self._kept = []
                mx.clear_cache()
            case Share():
                self._cache_bytes, self._prefix_bytes = order.cache_bytes, order.prefix_bytes
            case Ping():
                self._send([self.loaded()])

    def start(self, order: Generate, size: int = 0) -> None:
        """Queue an order once its pictures are checked. `size`: its bytes."""
        order = self._manners.applied(order)

        def checked(names: list[str]) -> None:
            self._waiting.append(_Waiting(order, names))

        def failed(error: Exception) -> None:
            self._fail(order.id, "invalid", str(error))

        self._checks.submit(order.id, size, lambda: picture_files.check(order.pictures), checked, failed)

    def cancel(self, order_id: int) -> None:
        """Stop working on an order."""
        self._checks.drop(order_id)
        self._waiting = deque(waiting for waiting in self._waiting if waiting.order.id != order_id)
        if self._running is not None and self._running.sequence.order.id == order_id:
            self._end()

    def rest(self) -> None:
        """Free mlx's reserve: nobody has asked for anything for a while."""
        mx.clear_cache()

    def give_back(self) -> bool:
        """Nothing more than `rest` frees: its conversations have no place on the disk."""
        return False

    def save(self) -> None:
        """Called before the engine ends: nothing is kept on disk."""

    def step(self) -> None:
        """One token of the running answer, or the beginning of the next one."""
        self._checks.finish(wait_s=IDLE_S if not (self._running or self._waiting) else 0.0)
        started = time.monotonic()
        if self._running is not None:
            self._attempt(self._running.sequence.order.id, self._advance)
        elif self._waiting:
            waiting = self._waiting.popleft()
            self._attempt(waiting.order.id, lambda: self._begin(waiting))
        self._steps += 1
        self._step_s += time.monotonic() - started

    def _attempt(self, order_id: int, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:  # what the model's code raises ends its answer, and not the engine
            log.exception("step failed")
            self._running, self._kept = None, []
            # A sampler that raised leaves a random state that cannot be evaluated.
            mx.random.seed(time.time_ns())
            self._fail(order_id, "engine_error", f"The engine failed on this request: {error}")

    def _advance(self) -> None:
        running = self._running
        assert running is not None
        messages = running.step()
        if running.sequence.is_over:
            self._end()
        if messages:
            self._send(messages)

    def _begin(self, waiting: _Waiting) -> None:
        """Make the prompt of an order and start its answer, or answer it with an error."""
        order = waiting.order
        try:
            images = [picture_files.decoded(picture, number) for number, picture in enumerate(order.pictures)]
            texts = [self._text(order, number, image, waiting.names[number]) for number, image in enumerate(images)]
            prompt, places = self._prompts.pictured(order, texts)
        except PictureRefusal as error:
            self._fail(order.id, "invalid", str(error))
            return
        except TemplateRefusal as error:
            self._fail(order.id, "bad_prompt", f"The chat template of this model rejects the messages: {error}")
            return
        made = self._maker.made(order, prompt)
        if isinstance(made, Sequence) and (refusal := refusal_by_memory(made, self._cost, self._cache_bytes)):
            made = refusal
        if not isinstance(made, Sequence):
            self._send([made])
            return
        made.sampler = sampling.sampler(order, self._vocabulary_size)
        try:
            inputs = self._pictures.inputs([images[number] for number in places], prompt)
        except ValueError as error:
            self._fail(order.id, "invalid", f"The pictures of this request cannot be used together: {error}.")
            return
        self._running = self._answer(made, inputs, [waiting.names[number] for number in places], texts)

    def _text(self, order: Generate, number: int, image: Any, name: str) -> str:
        try:
            return self._pictures.text(image, name)
        except PictureRefusal as error:
            raise PictureRefusal(f"Field '{order.pictures[number].where}': {error}.") from None

    def _answer(self, sequence: Sequence, inputs: dict[str, Any], names: list[str], texts: list[str]) -> VisionAnswer:
        known, self._kept = self._kept, []
        cache = make_cache(self._model)
        copied_at = 0 if is_plain(cache) or not self._is_kept else self._copied_at(sequence, texts)
        for kept in known:
            if cached := kept.cut_for(sequence.prompt, names, self._pictures.token):
                cache, sequence.cached = kept.cache, cached
                break
        copied_at = copied_at if copied_at > sequence.cached else 0
        # A long prompt delays the replies to the server, which would take the engine for dead.
        return VisionAnswer(self._model, sequence, inputs, names, cache, self._ends, lambda: self._send([self.loaded()]), copied_at)

    def _copied_at(self, sequence: Sequence, texts: list[str]) -> int:
        """The number of tokens that the prompt of the next step of this conversation begins with; 0 when that has no use."""
        at = self._prompts.continued_at(sequence.order, sequence.prompt, texts)
        return at if self._pictures.token not in sequence.prompt[at:] else 0

    def _end(self) -> None:
        """The running answer is over: keep its conversation, where there is memory for it."""
        assert self._running is not None
        found, self._running = self._running.close(), None
        self._kept = []
        for kept in found if self._is_kept else []:
            if sum(other.size for other in self._kept) + kept.size <= self._prefix_bytes:
                self._kept.append(kept)

    def _tokenize(self, order: Tokenize) -> None:
        try:
            ids = self._prompts.rendered(order.messages, order.tools) if order.messages else self._prompts.encode(order.text)
        except TemplateRefusal as error:
            self._fail(order.id, "bad_prompt", f"The chat template of this model rejects the messages: {error}")
        else:
            self._send([Tokens(id=order.id, ids=ids)])

    def _warm_up(self) -> CacheCost:
        """Touch every weight now, not while a sequence waits, and see that a picture works at all; measures the cache of a text."""
        picture, inputs = self._pictures.trial()
        self._compute(picture, inputs)
        return CacheCost(self._compute([0] * _WARM_UP_TOKENS, {}), _WARM_UP_TOKENS + 1)

    def _compute(self, prompt: list[int], inputs: dict[str, Any]) -> list[Any]:
        """The cache of a prompt and the token behind it."""
        cache = make_cache(self._model)
        steps: Any = generate(self._model, prompt, 0, inputs, cache, 1, lambda logprobs: mx.argmax(logprobs, axis=-1), [], _nothing)
        next(steps)
        steps.close()
        mx.eval([layer.state for layer in cache])
        return cache

    def _fail(self, id_: int, code: str, message: str) -> None:
        self._send([Failed(id=id_, code=code, message=message)])


def _nothing(at: int, cache: list[Any]) -> None:
    pass
