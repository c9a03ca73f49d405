"""One model and its batches: the engine of an engine process, or of a test.

Everything of mlx happens on one thread, the one that made the engine; a step serves every running sequence (continuous batching).
An exception in a step fails the sequences of that batch with a clear error, and the engine continues with a fresh batch.
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
    Cancel,
    Embed,
    EngineConfig,
    EngineMessage,
    Failed,
    Generate,
    Loaded,
    Loading,
    Ping,
    Share,
    ToEngine,
    Tokenize,
    Tokens,
    Trim,
    Vectors,
)  # fmt: skip
from ..parsing.family_parser import is_parted
from . import sampling
from .adapter_batches import AdapterBatches
from .adapters.adapter_files import AdapterError
from .adapters.adapters import Adapters
from .answer_forms import AnswerForms
from .batch import TokenBatch
from .cache.cache_cost import CacheCost
from .cache.kv_cache import KvCaches, store_of
from .cache.prefix_cache import PrefixCache
from .draft_model import load_draft
from .drafting_batch import DraftingBatch, PassCounts
from .manners import Manners
from .mlx_adapter import BatchGenerator, generation_stream, load_model, mx, weight_bytes
from .pass_costs import PassCosts
from .pooling import EmbeddingPooler, EmbeddingSequence
from .prefill_pacing import CHUNK_MIN, PROMPTS_MAX, PrefillPacer
from .prompts import Prompts
from .sequence import Sequence, Vocabulary
from .sequence_maker import SequenceMaker, refusal_by_memory
from .speculation import Speculation
from .tokenizer_thread import Then, TokenizerThread, Work

BATCH_MAX = 16
IDLE_S = 0.01

log = Log("engine")


class MlxEngine:
    """Owns the model and the batch. `send` gets every message for the server; it may wait."""

    def __init__(self, config: EngineConfig, send: Callable[[list[EngineMessage]], None]):
        self._caches = KvCaches()
        self._send = send
        started = time.monotonic()
        folder = Path(config.folder)
        self.ranks = Ranks(generation_stream)
        # All ranks must sample the same tokens.
        mx.random.seed(time.time_ns() if self.ranks.size == 1 else 0)
        loaded: Any = load_model(config.folder, self._report_loading, is_sharded=self.ranks.size > 1)
        self._model: Any = loaded[0]
        self._tokenizer: Any = loaded[1]
        # Freed memory that mlx keeps for reuse: without a limit it grows to the largest prompt seen.
        mx.set_cache_limit(config.reserve_bytes)
        # mlx-lm raises on a top_k of the whole vocabulary, and in a way that spoils the random state.
        self._vocabulary_size = len(self._tokenizer)
        self._config: dict[str, Any] = json.loads((folder / "config.json").read_text())
        self._prompts = Prompts(self._tokenizer, selects=bool(self._config.get("opta", {}).get("selects")))
        self._vocabulary, self._manners = Vocabulary(self._tokenizer), Manners(folder, config.preset)
        empty = self._caches.make(self._model)
        if not self._caches.is_batchable(empty):
            raise ValueError("mlx-lm cannot serve several requests with the attention caches of this architecture")
        self._is_plain = self._caches.is_plain(empty)
        store = store_of(config, folder, self._caches) if config.disk and self.ranks.size == 1 else None
        self._prefixes = PrefixCache(self._caches, config.prefix_bytes, store)
        self._forms = AnswerForms(
            self._tokenizer,
            self._vocabulary,
            copies=bool(self._config.get("opta", {}).get("copy_constraint")),
            is_parted=is_parted(self._prompts.template.marks),
        )
        self._maker = SequenceMaker(self._vocabulary, self._forms, self._context_length())
        self._pooling = EmbeddingPooler(self._model, folder)
        self._draft = (
            load_draft(config.draft, self._model, self._tokenizer.get_vocab(), self._caches.make)
            if config.draft and self.ranks.size == 1
            else None
        )
        self._tokenizer_thread = TokenizerThread(is_synchronous=self.ranks.size > 1)
        self._passes = PassCounts()
        ends, pacer = list(self._tokenizer.eos_token_ids), PrefillPacer(is_fixed=self.ranks.size > 1)
        costs = PassCosts()

        def generator() -> Any:
            stops = [[id_] for id_ in ends]
            made = BatchGenerator(self._model, stop_tokens=stops, completion_batch_size=BATCH_MAX, prefill_batch_size=PROMPTS_MAX)
            made._generation_batch = DraftingBatch.of(made, self._passes, costs, can_draft=config.lookup and self.ranks.size == 1)
            return made

        def batch(adapter: str) -> TokenBatch:
            return TokenBatch(generator, ends, self._prefixes, self._caches, pacer, adapter)

        self._adapters = Adapters(self._model, is_sharded=self.ranks.size > 1)
        self._batch = AdapterBatches(batch, self._adapters)
        # Embedding requests by order id.
        self._embeds: dict[int, EmbeddingSequence] = {}
        # Sequences that wait for memory, in order of arrival.
        self._cache_bytes = config.cache_bytes
        self._waiting: deque[Sequence] = deque()
        # The single running sequence, while it runs with the draft model instead of in the batch.
        self._speculating: tuple[Sequence, Speculation] | None = None
        self._steps, self._step_s, self._drafted, self._accepted = 0, 0.0, 0, 0
        self._cost = self._warm_up(self._model)
        longest = min(config.conversation_tokens, self._context_length() or config.conversation_tokens)
        self._weight_bytes, self._conversation_bytes = weight_bytes(self._model), self._cost.bytes(longest)
        if self._draft is not None:
            self._weight_bytes += weight_bytes(self._draft.small)
            self._conversation_bytes += self._warm_up(self._draft.small).bytes(longest)
        self.seconds = time.monotonic() - started

    def loaded(self) -> Loaded:
        """The state of the engine."""
        return Loaded(
            pid=os.getpid(),
            seconds=round(self.seconds, 2),
            context_length=self._context_length(),
            memory=memory_bytes(),
            running=len(self._batch)
            + len(self._tokenizer_thread)
            + len(self._embeds)
            + len(self._waiting)
            + (self._speculating is not None),
            capability=str(self._config.get("opta", {}).get("capability", "")),
            prefix_bytes=self._prefixes.size,
            steps=self._steps,
            step_s=round(self._step_s, 3),
            drafted=self._drafted,
            accepted=self._accepted,
            weight_bytes=self._weight_bytes + self._adapters.bytes,
            conversation_bytes=self._conversation_bytes,
            passes=self._passes.passes,
            passes_tokens=self._passes.tokens,
            looked_up=self._passes.proposed,
            found=self._passes.accepted,
        )

    def _report_loading(self, done: int, total: int) -> None:
        self._send([Loading(done=done, total=total)])

    @property
    def is_busy(self) -> bool:
        """Whether a step has work."""
        return bool(len(self._batch) or self._embeds or self._speculating or self._waiting or len(self._tokenizer_thread))

    def take(self, order: ToEngine, size: int = 0) -> None:
        """Take a message of the server. `size`: its bytes; long prompts are tokenized in a thread."""
        match order:
            case Generate():
                self.start(order, size)
            case Embed():
                self.embed(order, size)
            case Tokenize():
                self.tokenize(order, size)
            case Cancel(id=id_):
                self.cancel(id_)
            case Trim(bytes=limit):
                self.trim(limit)
            case Share():
                self._cache_bytes = order.cache_bytes
                self._prefixes.limit(order.prefix_bytes)
            case Ping():
                self._send([self.loaded()])

    def start(self, order: Generate, size: int = 0) -> None:
        """Start a sequence once its prompt is tokenized. `size`: bytes of the order."""
        order = self._manners.applied(order)
        self._read(order.id, size, lambda: self._plan(order), lambda plan: self._start(order, *plan))

    def embed(self, order: Embed, size: int = 0) -> None:
        """Compute vectors of texts, some of them in each step."""
        if not self._pooling.is_possible:
            self._fail(order.id, "invalid", "This model cannot compute embeddings.")
            return
        encode = self._prompts.encode
        self._read(order.id, size, lambda: [encode(text) or [0] for text in order.texts], lambda prompts: self._embed(order, prompts))

    def tokenize(self, order: Tokenize, size: int = 0) -> None:
        """Report the tokens of a text or a conversation."""

        def ids() -> list[int]:
            return self._prompts.rendered(order.messages, order.tools) if order.messages else self._prompts.encode(order.text)

        self._read(order.id, size, ids, lambda found: self._send([Tokens(id=order.id, ids=found)]))

    def _read(self, id_: int, size: int, work: Work, then: Then) -> None:
        def failed(error: Exception) -> None:
            self._fail(id_, "bad_prompt", f"The chat template of this model rejects the messages: {error}")

        self._tokenizer_thread.submit(id_, size, work, then, failed)

    def _plan(self, order: Generate) -> tuple[list[int], list[tuple[int, bool]]]:
        """The tokens of a prompt, and its checkpoints. A cache from which every number of tokens can be removed needs none."""
        prompt = self._prompts.tokens(order)
        return prompt, [] if self._is_plain else self._prompts.checkpoints(order, prompt)

    def _start(self, order: Generate, prompt: list[int], checkpoints: list[tuple[int, bool]]) -> None:
        try:
            made = self._maker.made(order, prompt)
        except Exception as error:  # what nobody thought of in one request ends that request, and no other
            log.exception("request not begun")
            self._fail(order.id, "engine_error", f"The engine cannot begin this request: {error}")
            return
        if isinstance(made, Sequence):
            made.checkpoints = checkpoints
            if not order.adapter or self._adapt(made):
                self._admit(made)
        else:
            self._send([made])

    def _adapt(self, sequence: Sequence) -> bool:
        """Load the adapter that an order names; False when it cannot be used."""
        order, in_use = sequence.order, self._batch.keys | {other.adapter for other in self._waiting}
        try:
            sequence.adapter = self._adapters.load(Path(order.adapter), in_use)
        except (AdapterError, OSError) as error:
            self._fail(order.id, "invalid", f"The adapter {order.adapter_name} cannot be used with this model: {error}.")
        return bool(sequence.adapter)

    def _embed(self, order: Embed, prompts: list[list[int]]) -> None:
        limit = self._context_length()
        if longest := max((len(prompt) for prompt in prompts if limit and len(prompt) > limit), default=0):
            message = f"A text has {longest} tokens; the context length of this model is {limit}."
            self._fail(order.id, "context_length_exceeded", message)
            return
        self._embeds[order.id] = EmbeddingSequence(prompts)

    def cancel(self, order_id: int) -> None:
        """Stop working on an order."""
        self._tokenizer_thread.drop(order_id)
        self._embeds.pop(order_id, None)
        self._waiting = deque(sequence for sequence in self._waiting if sequence.order.id != order_id)
        if self._speculating is not None and self._speculating[0].order.id == order_id:
            self._speculating = None
        self._batch.remove(order_id)

    def trim(self, size: int) -> None:
        """Reduce the prefix cache to `size` bytes, and free mlx's reserve."""
        self._prefixes.trim_to(size)
        mx.clear_cache()

    def rest(self) -> None:
        """Free mlx's reserve: nobody has asked for anything for a while."""
        mx.clear_cache()

    def give_back(self) -> bool:
        """Move a part of what may be wanted again to the disk: nobody has asked for anything for long. False when no more can be moved."""
        is_moved = self._prefixes.give_back()
        if not is_moved:
            mx.clear_cache()
        return is_moved

    def save(self) -> None:
        """Write the prefix cache to the prefix store, if there is one. Called before the engine ends."""
        self._prefixes.save()

    def step(self) -> None:
        """One token for every running sequence, one chunk of each prompt in prefill, and one group of texts to embed."""
        # With nothing else to do, wait briefly for the tokenizer: orders still arrive in between.
        is_idle = len(self._tokenizer_thread) and not (len(self._batch) or self._embeds or self._speculating or self._waiting)
        self._tokenizer_thread.finish(wait_s=IDLE_S if is_idle else 0.0)
        started = time.monotonic()
        while self._waiting and self._fits(self._waiting[0]):
            self._begin(self._waiting.popleft())
        try:
            messages: list[EngineMessage] = []
            if self._speculating is not None:
                messages += self._step_with_draft(*self._speculating)
            elif len(self._batch):
                messages += self._batch.step()
            if self._embeds:
                messages += self._step_embeds()
        except Exception as error:  # one bad sequence poisons the batch: fail it, rebuild, continue
            log.exception("step failed")
            messages = self._start_over(error)
        self._steps += 1
        self._step_s += time.monotonic() - started
        if messages:
            self._send(messages)

    def _admit(self, sequence: Sequence) -> None:
        """Begin a sequence, or queue it until earlier ones have freed enough memory."""
        if refusal := refusal_by_memory(sequence, self._cost, self._cache_bytes):
            self._send([refusal])
        elif self._waiting or not self._fits(sequence):
            self._waiting.append(sequence)
        else:
            self._begin(sequence)

    def _fits(self, sequence: Sequence) -> bool:
        running = [*self._batch.sizes, *([self._speculating[0].size] if self._speculating else [])]
        # In a batch, the caches of all have the length of the longest.
        return not running or not self._cache_bytes or (len(running) + 1) * max(*running, sequence.size) <= self._cache_bytes

    def _begin(self, sequence: Sequence) -> None:
        cache, known = self._prefixes.find(sequence.prompt, sequence.adapter)
        sequence.cached = known
        sequence.sampler = sampling.sampler(sequence.order, self._vocabulary_size)
        if self._may_speculate(sequence):
            assert self._draft is not None
            self._speculating = sequence, Speculation(self._draft, sequence.prompt, cache, known, sequence.sampler)
            return
        if self._speculating is not None:
            self._join()
        self._batch.insert(sequence, cache, sequence.prompt[:known], sequence.prompt[known:])

    def _may_speculate(self, sequence: Sequence) -> bool:
        order = sequence.order
        # Processors that see every token, and seeds that count samples, would also see rejected proposals.
        is_free = not sequence.processors and not sequence.adapter and (order.seed is None or not order.temperature)
        return self._draft is not None and is_free and not len(self._batch) and self._speculating is None

    def _step_with_draft(self, sequence: Sequence, speculation: Speculation) -> list[EngineMessage]:
        proposed, accepted = speculation.proposed, speculation.accepted
        messages: list[EngineMessage] = []
        for token, logprobs in speculation.step():
            is_end = token in self._tokenizer.eos_token_ids
            finish = "stop" if is_end else "length" if sequence.tokens + 1 >= sequence.answer_tokens_max else None
            messages += sequence.take(token, logprobs, finish)
            if sequence.is_over:
                break
        self._drafted += speculation.proposed - proposed
        self._accepted += speculation.accepted - accepted
        if sequence.is_over:
            cache, known, _ = speculation.hand_over()
            self._prefixes.keep(known, cache)
            self._speculating = None
        elif not speculation.is_worthwhile:
            self._join()
        return messages

    def _join(self) -> None:
        """Continue the sequence that ran with the draft model in the batch."""
        assert self._speculating is not None
        sequence, speculation = self._speculating
        self._speculating = None
        cache, known, rest = speculation.hand_over()
        sequence.is_decoding = bool(sequence.tokens)
        self._batch.insert(sequence, cache, known, rest)

    def _step_embeds(self) -> list[EngineMessage]:
        id_, embedding = next(iter(self._embeds.items()))
        numbers = embedding.steps.pop(0)
        for at, vector in zip(numbers, self._pooling.vectors([embedding.prompts[at] for at in numbers]), strict=True):
            embedding.vectors[at] = vector
        if embedding.steps:
            return []
        del self._embeds[id_]
        return [Vectors(id=id_, vectors=embedding.vectors, prompt_tokens=sum(len(prompt) for prompt in embedding.prompts))]

    def _start_over(self, error: Exception) -> list[EngineMessage]:
        # Sequences that wait for memory were not part of the batch.
        ids = [*self._batch.start_over(), *self._embeds, *([self._speculating[0].order.id] if self._speculating else [])]
        self._embeds.clear()
        self._speculating = None
        # A sampler that raised leaves a random state that cannot be evaluated.
        mx.random.seed(time.time_ns() if self.ranks.size == 1 else self._steps)
        return [Failed(id=id_, code="engine_error", message=f"The engine failed on this batch: {error}") for id_ in ids]

    def _warm_up(self, model: Any) -> CacheCost:
        """Compile kernels and touch every weight now, not while a sequence waits; measures a cache."""
        mx.eval(model(mx.array([[0]]), cache=self._caches.make(model)))
        cache = self._caches.make(model)
        mx.eval(model(mx.array([[0] * CHUNK_MIN]), cache=cache))
        return CacheCost(cache, CHUNK_MIN)

    def _context_length(self) -> int:
        return self._manners.context_length(self._config)

    def _fail(self, id_: int, code: str, message: str) -> None:
        self._send([Failed(id=id_, code=code, message=message)])
