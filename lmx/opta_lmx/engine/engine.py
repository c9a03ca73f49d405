"""One model and its batch: what the engine child works with.

The only file that imports mlx. Everything of mlx happens on one thread, the main one; a step serves every running request at once (continuous batching). An exception in a step ends
the requests of that batch with a clear error and the engine goes on.
"""

import json
import os
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from opta_core.logs import Log
from opta_core.process.process import memory_bytes

from ..distributed.ranks import Ranks
from ..ipc.messages import (
    Embed,
    EngineConfig,
    Failed,
    Finished,
    Generate,
    Loaded,
    Message,
    Tokenize,
    Tokens,
    Vectors,
)  # fmt: skip
from ..parsing.output_parser import AnswerSplitter, Markers
from . import pooling, sampling
from .batch import Batch
from .cache.kv_cache import Caches, disk_of
from .cache.prefix_cache import Prefixes
from .copy_constraint import processor_of
from .grammar import GrammarProblem, Grammars
from .pooling import Pooling
from .prefill_pacing import CHUNK_MIN, Pace
from .prompts import Prompts
from .sequence import Sequence, Vocabulary
from .speculation import Models, Speculation
from .tokenizer_thread import Reader, Then, Work

BATCH_MAX, PROMPTS_MAX = 16, 8
RESERVE_BYTES = 1024**3
IDLE_S = 0.01

log = Log("engine")


class Engine:
    """Owns the model and the batch."""

    def __init__(self, config: EngineConfig, send: Callable[[list[Message]], None]):
        # mlx and transformers carry hardly any types.
        import mlx.core
        from mlx_lm import sample_utils
        from mlx_lm.generate import BatchGenerator, generation_stream
        from mlx_lm.models import cache
        from mlx_lm.utils import load

        mx: Any = mlx.core
        self._mx, self._sample_utils = mx, sample_utils
        self._caches = Caches(cache)
        self._send = send
        started = time.monotonic()
        folder = Path(config.folder)
        self.ranks = Ranks(mx, generation_stream)
        # Whoever draws, draws the same.
        mx.random.seed(time.time_ns() if self.ranks.size == 1 else 0)
        loaded: Any = load(config.folder) if self.ranks.size == 1 else _sharded(config.folder)
        self._model: Any = loaded[0]
        self._tokenizer: Any = loaded[1]
        mx.eval(self._model.parameters())
        # What mlx holds in reserve of memory that it no longer uses: without a limit it grows to the largest prompt seen.
        mx.set_cache_limit(RESERVE_BYTES)
        # A cut at all tokens is no cut; mlx-lm raises on it, and in a way that spoils the random state.
        self._vocabulary = len(self._tokenizer)
        self._config: dict[str, Any] = json.loads((folder / "config.json").read_text())
        self._prompts = Prompts(self._tokenizer)
        self._words = Vocabulary(self._tokenizer, mx)
        self._can_trim = self._caches.can_trim(self._caches.make(self._model))
        disk = disk_of(config, folder, self._caches) if config.disk and self.ranks.size == 1 else None
        self._prefixes = Prefixes(self._caches, config.prefix_bytes, disk)
        self._grammars = Grammars(self._tokenizer._tokenizer, list(self._tokenizer.eos_token_ids), mx.array, mx.where)
        self._markers = Markers(
            think_start=self._tokenizer.think_start or "",
            think_end=self._tokenizer.think_end or "",
            call_start=self._tokenizer.tool_call_start or "",
            call_end=self._tokenizer.tool_call_end or "",
        )
        self._pooling = Pooling(self._model, folder, mx)
        self._draft = self._load_draft(config, load) if config.draft and self.ranks.size == 1 else None
        self._reader = Reader(is_alone=self.ranks.size > 1)
        ends, pace = list(self._tokenizer.eos_token_ids), Pace(is_fixed=self.ranks.size > 1)

        def generator() -> Any:
            stops = [[id_] for id_ in ends]
            return BatchGenerator(self._model, stop_tokens=stops, completion_batch_size=BATCH_MAX, prefill_batch_size=PROMPTS_MAX)

        self._batch = Batch(generator, ends, self._prompts, self._prefixes, self._caches, pace, can_trim=self._can_trim)
        # Of texts to become vectors: the orders, and for each which of its texts still wait.
        self._embeds: dict[int, _Embedding] = {}
        # Requests that wait for memory, first come first served.
        self._token_bytes, self._cache_bytes = config.token_bytes, config.cache_bytes
        self._waiting: deque[Sequence] = deque()
        # The request that runs by itself with a draft, and how far that is.
        self._alone: tuple[Sequence, Speculation] | None = None
        self._steps, self._step_s, self._drafted, self._accepted = 0, 0.0, 0, 0
        self._warm_up()
        self.seconds = time.monotonic() - started

    def loaded(self) -> Loaded:
        """What the front needs to know."""
        return Loaded(
            pid=os.getpid(),
            seconds=round(self.seconds, 2),
            context_length=self._context_length(),
            memory=memory_bytes(),
            running=len(self._batch) + len(self._reader) + len(self._embeds) + len(self._waiting) + (self._alone is not None),
            capability=str(self._config.get("opta", {}).get("capability", "")),
            prefix_bytes=self._prefixes.size,
            steps=self._steps,
            step_s=round(self._step_s, 3),
            drafted=self._drafted,
            accepted=self._accepted,
        )

    @property
    def is_busy(self) -> bool:
        """Whether a step has work."""
        return bool(len(self._batch) or self._embeds or self._alone or self._waiting or len(self._reader))

    def start(self, order: Generate, size: int = 0) -> None:
        """Put a request of so many bytes into the batch, once its prompt is read."""
        self._read(order.id, size, lambda: self._prompts.tokens(order), lambda prompt: self._start(order, prompt))

    def embed(self, order: Embed, size: int = 0) -> None:
        """Texts that become vectors, some in each step."""
        if not self._pooling.is_possible:
            self._fail(order.id, "invalid", "This model gives no vectors.")
            return
        encode = self._prompts.encode
        self._read(order.id, size, lambda: [encode(text) or [0] for text in order.texts], lambda prompts: self._embed(order, prompts))

    def tokenize(self, order: Tokenize, size: int = 0) -> None:
        """The tokens of a text or a conversation."""

        def ids() -> list[int]:
            return self._prompts.rendered(order.messages, order.tools) if order.messages else self._prompts.encode(order.text)

        self._read(order.id, size, ids, lambda found: self._send([Tokens(id=order.id, ids=found)]))

    def _read(self, id_: int, size: int, work: Work, then: Then) -> None:
        def failed(error: Exception) -> None:
            self._fail(id_, "bad_prompt", f"The chat template of this model refuses the messages: {error}")

        self._reader.read(id_, size, work, then, failed)

    def _start(self, order: Generate, prompt: list[int]) -> None:
        limit = self._context_length()
        if limit and len(prompt) >= limit:
            message = f"The prompt has {len(prompt)} tokens; the context length of this model is {limit}."
            self._fail(order.id, "context_length_exceeded", message)
        elif not prompt:
            self._fail(order.id, "invalid", "The prompt is empty for this model.")
        elif not order.max_tokens:
            self._send([Finished(id=order.id, finish="stop", prompt_tokens=len(prompt), completion_tokens=0)])
        elif bad := next((token for token in order.logit_bias if int(token) >= self._vocabulary), None):
            self._fail(order.id, "invalid", f"Field 'logit_bias': there is no token {bad} in this model.")
        else:
            try:
                changes = self._changes(order, len(prompt))
            except GrammarProblem as problem:
                field = "tools" if order.forced or order.strict else "response_format"
                self._fail(order.id, "invalid", f"Field '{field}': this schema cannot be held: {problem}")
                return
            room = max(1, min(order.max_tokens, limit - len(prompt) if limit else order.max_tokens))
            request = Sequence(order, prompt, room, self._words, self._splitter(order, prompt))
            request.changes = changes
            self._admit(request)

    def _embed(self, order: Embed, prompts: list[list[int]]) -> None:
        limit = self._context_length()
        if longest := max((len(prompt) for prompt in prompts if limit and len(prompt) > limit), default=0):
            message = f"A text has {longest} tokens; the context length of this model is {limit}."
            self._fail(order.id, "context_length_exceeded", message)
            return
        self._embeds[order.id] = _Embedding(prompts)

    def cancel(self, order_id: int) -> None:
        """Free the slot of a request nobody waits for."""
        self._reader.drop(order_id)
        self._embeds.pop(order_id, None)
        self._waiting = deque(request for request in self._waiting if request.order.id != order_id)
        if self._alone is not None and self._alone[0].order.id == order_id:
            self._alone = None
        self._batch.remove(order_id)

    def trim(self, size: int) -> None:
        """Keep no more bytes of earlier prompts, and give back what mlx holds in reserve."""
        self._prefixes.trim_to(size)
        self._mx.clear_cache()

    def save(self) -> None:
        """The engine ends: what was computed for long prompts goes to disk, if there is one for it."""
        self._prefixes.save()

    def step(self) -> None:
        """One token for every running request, and one piece of each prompt and of the texts that wait."""
        # With nothing else to do the engine waits for what is being read, a little at a time: orders still come.
        is_idle = len(self._reader) and not (len(self._batch) or self._embeds or self._alone or self._waiting)
        self._reader.finish(wait_s=IDLE_S if is_idle else 0.0)
        started = time.monotonic()
        while self._waiting and self._has_room(self._waiting[0]):
            self._begin(self._waiting.popleft())
        try:
            messages: list[Message] = []
            if self._alone is not None:
                messages += self._step_alone(*self._alone)
            elif len(self._batch):
                messages += self._batch.step()
            if self._embeds:
                messages += self._step_embeds()
        except Exception as error:  # one bad request poisons the batch: end it, rebuild, serve on
            log.exception("step failed")
            messages = self._start_over(error)
        self._steps += 1
        self._step_s += time.monotonic() - started
        if messages:
            self._send(messages)

    def _admit(self, request: Sequence) -> None:
        """Begin, or wait until those before have left enough memory."""
        request.size = (len(request.prompt) + request.room) * self._token_bytes
        if self._cache_bytes and len(request.prompt) * self._token_bytes > self._cache_bytes:
            figures = f"{request.size / 1e9:.1f} GB of memory, and {self._cache_bytes / 1e9:.1f} GB are there for conversations"
            self._fail(
                request.order.id,
                "context_length_exceeded",
                f"The prompt has {len(request.prompt)} tokens; with its answer it needs {figures}.",
            )
        elif self._waiting or not self._has_room(request):
            self._waiting.append(request)
        else:
            self._begin(request)

    def _has_room(self, request: Sequence) -> bool:
        is_first = not len(self._batch) and self._alone is None
        taken = self._batch.size + (self._alone[0].size if self._alone else 0)
        return is_first or not self._cache_bytes or taken + request.size <= self._cache_bytes

    def _begin(self, request: Sequence) -> None:
        cache, known = self._prefixes.find(request.prompt)
        request.cached = known
        request.sampler = sampling.sampler(request.order, self._vocabulary, self._mx, self._sample_utils)
        if self._may_speculate(request):
            assert self._draft is not None
            self._alone = request, Speculation(self._draft, request.prompt, cache, known, request.sampler)
            return
        if self._alone is not None:
            self._join()
        self._batch.insert(request, cache, request.prompt[:known], request.prompt[known:])

    def _may_speculate(self, request: Sequence) -> bool:
        order = request.order
        # Rules that look at every token, and seeds that count draws, would meet proposals that never were part of the answer.
        is_free = not request.changes and (order.seed is None or not order.temperature)
        return self._draft is not None and is_free and not len(self._batch) and self._alone is None

    def _step_alone(self, request: Sequence, speculation: Speculation) -> list[Message]:
        proposed, stood = speculation.proposed, speculation.stood
        messages: list[Message] = []
        for token, logprobs in speculation.step():
            is_end = token in self._tokenizer.eos_token_ids
            finish = "stop" if is_end else "length" if request.tokens + 1 >= request.room else None
            messages += request.take(token, logprobs, finish)
            if request.is_over:
                break
        self._drafted += speculation.proposed - proposed
        self._accepted += speculation.stood - stood
        if request.is_over:
            cache, known, _ = speculation.hand_over()
            self._prefixes.keep(known, cache)
            self._alone = None
        elif not speculation.is_worth_while:
            self._join()
        return messages

    def _join(self) -> None:
        """The request that ran by itself goes on in the batch."""
        assert self._alone is not None
        request, speculation = self._alone
        self._alone = None
        cache, known, rest = speculation.hand_over()
        request.has_begun = bool(request.tokens)
        self._batch.insert(request, cache, known, rest)

    def _step_embeds(self) -> list[Message]:
        id_, embedding = next(iter(self._embeds.items()))
        numbers = embedding.steps.pop(0)
        for at, vector in zip(numbers, self._pooling.vectors([embedding.prompts[at] for at in numbers]), strict=True):
            embedding.vectors[at] = vector
        if embedding.steps:
            return []
        del self._embeds[id_]
        return [Vectors(id=id_, vectors=embedding.vectors, prompt_tokens=sum(len(prompt) for prompt in embedding.prompts))]

    def _start_over(self, error: Exception) -> list[Message]:
        # Those that wait had no part in it.
        ids = [*self._batch.start_over(), *self._embeds, *([self._alone[0].order.id] if self._alone else [])]
        self._embeds.clear()
        self._alone = None
        # A sampler that raised leaves a random state that no later sampler can evaluate.
        self._mx.random.seed(time.time_ns() if self.ranks.size == 1 else self._steps)
        return [Failed(id=id_, code="engine_error", message=f"The engine failed on this batch: {error}") for id_ in ids]

    def _changes(self, order: Generate, prompt_length: int) -> list[Any]:
        """What changes the likelihood of the next token. Raises GrammarProblem."""
        changes = sampling.processors(order, prompt_length, self._sample_utils)
        if (matcher := self._grammars.matcher(order)) is not None:
            return [*changes, self._grammars.processor(matcher, prompt_length)]
        if order.strict and self._markers.call_start:
            changes.append(self._grammars.calls_processor(order, prompt_length, self._markers.call_start, self._markers.call_end))
        elif self._config.get("opta", {}).get("copy_constraint"):
            changes.append(processor_of(order, self._words.pieces(), prompt_length, self._mx))
        return changes

    def _splitter(self, order: Generate, prompt: list[int]) -> AnswerSplitter:
        parser, markers = self._tokenizer.tool_parser, self._markers
        begins_thinking = bool(markers.think_start) and self._words.text(prompt[-8:]).rstrip().endswith(markers.think_start)
        return AnswerSplitter(
            markers if order.tools else Markers(markers.think_start, markers.think_end),
            (lambda text: parser(text, order.tools)) if parser else None,
            order.stop,
            begins_thinking=begins_thinking,
            tools=order.tools,
            one_call=order.one_call,
        )

    def _warm_up(self) -> None:
        """The first pass makes kernels and touches every weight: now, and not while somebody waits."""
        for tokens in ([[0]], [[0] * CHUNK_MIN]):
            self._mx.eval(self._model(self._mx.array(tokens), cache=self._caches.make(self._model)))

    def _load_draft(self, config: EngineConfig, load: Any) -> Models | None:
        try:
            small, tokenizer = load(config.draft)[:2]
        except Exception as error:  # answers come without it too
            log.warning("draft model cannot be loaded", model=config.name, draft=config.draft, reason=error)
            return None
        if (
            not self._can_trim
            or not self._caches.can_trim(self._caches.make(small))
            or tokenizer.get_vocab() != self._tokenizer.get_vocab()
        ):
            log.warning(
                "draft model does not fit",
                model=config.name,
                draft=config.draft,
                reason="another vocabulary, or a cache that cannot be trimmed",
            )
            return None
        self._mx.eval(small.parameters())
        return Models(self._model, small, self._caches.make, self._caches.trim, self._mx)

    def _context_length(self) -> int:
        text = self._config.get("text_config", {})
        return int(self._config.get("max_position_embeddings") or text.get("max_position_embeddings") or 0)

    def _fail(self, id_: int, code: str, message: str) -> None:
        self._send([Failed(id=id_, code=code, message=message)])


class _Embedding:
    """Texts on their way to vectors."""

    def __init__(self, prompts: list[list[int]]):
        self.prompts, self.steps = prompts, pooling.steps_of(prompts)
        self.vectors = [""] * len(prompts)


def _sharded(folder: str) -> Any:
    from mlx_lm import utils

    module: Any = utils
    # Its own default would run code that lies beside a model.
    return module.sharded_load(folder, tokenizer_config={"trust_remote_code": False})
