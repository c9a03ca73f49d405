"""The engine child: one model, one thread, mlx. `python -m opta_lmx.mlx_engine FOLDER RUN SOCKET`

The only file that imports mlx. Everything of mlx happens on the main thread, between looks at the
socket; a step serves every running request at once (continuous batching). An exception in a step ends
the requests of that batch with a clear error and the engine goes on.
"""

import asyncio
import contextlib
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from opta_core import logs
from opta_core.bus import Dealer, Frames
from opta_core.process import die_with_parent, memory_bytes, memory_total
from opta_core.zmq_bus import ZmqBus

from . import sampling
from .answer import AnswerSplitter, Markers, Piece, forced_call
from .copy_constraint import CopyConstraint
from .engine_messages import Cancel, Delta, Failed, Finished, Generate, Loaded, LoadFailed, Message, Ping, ToEngine, TokenLogprob
from .grammar import GrammarProblem, Grammars

# Kept prefixes take at most this share of the machine's memory.
PREFIX_SHARE, PREFIXES_MAX = 0.1, 64
PREFIX_OF = "model"
# What has no probability at all is told as OpenAI does.
LEAST_LOGPROB = -9999.0

log = logs.Log("engine")
_decoder = msgspec.json.Decoder(ToEngine)
_encoder = msgspec.json.Encoder()


class _Running:
    """One request in the batch."""

    def __init__(self, order: Generate, prompt: list[int], detokenizer: Any, splitter: AnswerSplitter):
        self.order, self.prompt = order, prompt
        self.detokenizer, self.splitter = detokenizer, splitter
        self.tokens = 0
        self.thinking = 0
        # Tokens of the prompt that were computed before.
        self.cached = 0
        # Of a forced call: what came of it so far.
        self.call = ""
        self.logprobs: list[TokenLogprob] = []


class Engine:
    """Owns the model and the batch."""

    def __init__(self, folder: Path, send: Callable[[list[Message]], None]):
        # mlx and transformers carry hardly any types.
        import mlx.core
        from mlx_lm import sample_utils
        from mlx_lm.generate import BatchGenerator
        from mlx_lm.models.cache import LRUPromptCache
        from mlx_lm.utils import load

        mx: Any = mlx.core
        self._mx, self._sample_utils, self._batch_class = mx, sample_utils, BatchGenerator
        self._send = send
        started = time.monotonic()
        loaded: Any = load(str(folder))
        self._model: Any = loaded[0]
        self._tokenizer: Any = loaded[1]
        mx.eval(self._model.parameters())
        # A cut at all tokens is no cut; mlx-lm raises on it, and in a way that spoils the random state.
        self._vocabulary = len(self._tokenizer)
        self._config: dict[str, Any] = json.loads((folder / "config.json").read_text())
        self._batch = self._new_batch()
        # What was computed for earlier prompts: the beginning that a new one shares is not computed again.
        self._prefixes: Any = LRUPromptCache(max_size=PREFIXES_MAX, max_bytes=int(memory_total() * PREFIX_SHARE))
        self._grammars = Grammars(self._tokenizer._tokenizer, list(self._tokenizer.eos_token_ids), mx.array, mx.where)
        self._running: dict[int, _Running] = {}
        self._uids: dict[int, int] = {}
        tokenizer = self._tokenizer
        self._markers = Markers(
            think_start=tokenizer.think_start or "",
            think_end=tokenizer.think_end or "",
            call_start=tokenizer.tool_call_start or "",
            call_end=tokenizer.tool_call_end or "",
        )
        self._pieces = self._token_pieces() if self._config.get("opta", {}).get("copy_constraint") else None
        self.seconds = time.monotonic() - started

    def loaded(self) -> Loaded:
        """What the front needs to know."""
        context = self._config.get("max_position_embeddings") or self._config.get("text_config", {}).get("max_position_embeddings") or 0
        return Loaded(
            pid=os.getpid(), seconds=round(self.seconds, 2), context_length=int(context), memory=memory_bytes(), running=[request.order.id for request in self._running.values()],
            capability=str(self._config.get("opta", {}).get("capability", "")),
        )  # fmt: skip

    @property
    def is_busy(self) -> bool:
        """Whether a step has work."""
        return bool(self._running)

    def start(self, order: Generate) -> None:
        """Put a request into the batch."""
        try:
            prompt = self._prompt(order)
        except Exception as error:  # chat templates raise what they like
            self._send([Failed(id=order.id, code="bad_prompt", message=f"The chat template of this model refuses the messages: {error}")])
            return
        if (limit := self.loaded().context_length) and len(prompt) >= limit:
            self._send(
                [
                    Failed(
                        id=order.id,
                        code="context_length_exceeded",
                        message=f"The prompt has {len(prompt)} tokens; the context length of this model is {limit}.",
                    )
                ]
            )
            return
        if not order.max_tokens:
            self._send([Finished(id=order.id, finish="stop", prompt_tokens=len(prompt), completion_tokens=0)])
            return
        begins_thinking = bool(self._markers.think_start) and self._text(prompt[-8:]).rstrip().endswith(self._markers.think_start)
        splitter = AnswerSplitter(
            self._markers if order.tools else Markers(self._markers.think_start, self._markers.think_end),
            self._parse_call(order),
            order.stop,
            begins_thinking=begins_thinking,
        )
        if bad := next((token for token in order.logit_bias if int(token) >= self._vocabulary), None):
            self._send([Failed(id=order.id, code="invalid", message=f"Field 'logit_bias': there is no token {bad} in this model.")])
            return
        try:
            matcher = self._grammars.matcher(order)
        except GrammarProblem as problem:
            field = "tools" if order.forced else "response_format"
            self._send([Failed(id=order.id, code="invalid", message=f"Field '{field}': this schema cannot be held: {problem}")])
            return
        request = _Running(order, prompt, self._tokenizer.detokenizer, splitter)
        room = max(1, min(order.max_tokens, limit - len(prompt) if limit else order.max_tokens))
        # The last token is always computed: from it comes the first of the answer.
        cache, rest = self._prefixes.fetch_nearest_cache(PREFIX_OF, prompt)
        if not rest:
            cache, rest = None, prompt
        request.cached = len(prompt) - len(rest)
        constraint = self._constraint(order, len(prompt)) if matcher is None else None
        changes = sampling.processors(order, len(prompt), self._sample_utils)
        changes += [constraint] if constraint else []
        changes += [self._grammars.processor(matcher, len(prompt))] if matcher is not None else []
        (uid,) = self._batch.insert(
            [rest],
            max_tokens=[room],
            caches=[cache] if cache is not None else None,
            all_tokens=[prompt[: request.cached]],
            samplers=[sampling.sampler(order, self._vocabulary, self._mx, self._sample_utils)],
            logits_processors=[changes],
        )
        self._running[uid], self._uids[order.id] = request, uid

    def cancel(self, order_id: int) -> None:
        """Free the slot of a request nobody waits for."""
        uid = self._uids.pop(order_id, None)
        if uid is not None:
            self._running.pop(uid, None)
            self._batch.remove([uid])

    def step(self) -> None:
        """One token for every running request."""
        try:
            _, responses = self._batch.next()
        except Exception as error:  # one bad request poisons the batch: end it, rebuild, serve on
            log.exception("step failed")
            failed = [
                Failed(id=r.order.id, code="engine_error", message=f"The engine failed on this batch: {error}")
                for r in self._running.values()
            ]
            self._running.clear()
            self._uids.clear()
            self._batch = self._new_batch()
            # A sampler that raised leaves a random state that no later sampler can evaluate.
            self._mx.random.seed(time.time_ns())
            self._send(list(failed))
            return
        messages: list[Message] = []
        for response in responses:
            request = self._running.get(response.uid)
            if request is not None:
                messages += self._take(request, response)
        if messages:
            self._send(messages)

    def _take(self, request: _Running, response: Any) -> list[Message]:
        request.tokens += 1
        is_end = response.finish_reason == "stop"
        if request.order.logprobs >= 0 and not is_end:
            request.logprobs.append(self._logprob(response, request.order.logprobs))
        if not is_end:
            request.detokenizer.add_token(response.token)
        if response.finish_reason is not None:
            request.detokenizer.finalize()
        if request.order.forced:
            request.call += request.detokenizer.last_segment
            pieces = [forced_call(request.call)] if response.finish_reason is not None else []
        else:
            pieces = request.splitter.feed(request.detokenizer.last_segment)
        is_stopped = request.splitter.is_stopped
        if response.finish_reason is not None and not is_stopped and not request.order.forced:
            pieces += request.splitter.end()
        messages = [self._delta(request, piece) for piece in pieces]
        if response.finish_reason is None and not is_stopped:
            return messages
        if is_stopped and response.finish_reason is None:
            for prompt_cache, tokens in self._batch.remove([response.uid], return_prompt_caches=True).values():
                self._keep(tokens, prompt_cache)
        elif response.prompt_cache is not None:
            self._keep(response.all_tokens, response.prompt_cache)
        self._running.pop(response.uid, None)
        self._uids.pop(request.order.id, None)
        finish = "stop" if is_stopped or is_end else "length"
        done = Finished(
            id=request.order.id,
            finish=finish,
            prompt_tokens=len(request.prompt),
            completion_tokens=request.tokens,
            thinking_tokens=request.thinking,
            cached_tokens=request.cached,
            stopped_by=request.splitter.stopped_by,
        )
        return [*messages, done]

    def _keep(self, tokens: Any, prompt_cache: list[Any]) -> None:
        """What a later prompt may begin with."""
        self._prefixes.insert_cache(PREFIX_OF, [int(token) for token in tokens], prompt_cache)

    def _logprob(self, response: Any, alternatives: int) -> TokenLogprob:
        mx, logprobs = self._mx, response.logprobs
        top: list[tuple[str, float]] = []
        if alternatives:
            best = mx.argsort(-logprobs)[:alternatives].tolist()
            top = [(self._text([id_]), max(float(logprobs[id_]), LEAST_LOGPROB)) for id_ in best]
        text = self._text([response.token])
        return TokenLogprob(token=text, logprob=max(float(logprobs[response.token]), LEAST_LOGPROB), bytes=list(text.encode()), top=top)

    def _delta(self, request: _Running, piece: Piece) -> Message:
        if piece.kind == "thinking":
            request.thinking += 1
            return Delta(id=request.order.id, thinking=piece.text)
        logprobs, request.logprobs = request.logprobs, []
        return Delta(id=request.order.id, text=piece.text, name=piece.name, arguments=piece.arguments, logprobs=logprobs)

    def _prompt(self, order: Generate) -> list[int]:
        if order.prompt:
            return [int(id_) for id_ in self._tokenizer.encode(order.prompt)]
        messages = [_with_parsed_arguments(message) for message in order.messages]
        ids = self._tokenizer.apply_chat_template(
            messages, tools=order.tools or None, add_generation_prompt=True, tokenize=True, return_dict=False
        )
        return [int(id_) for id_ in ids]

    def _parse_call(self, order: Generate) -> Callable[[str], Any] | None:
        parser = self._tokenizer.tool_parser
        return (lambda text: parser(text, order.tools)) if parser else None

    def _constraint(self, order: Generate, prompt_length: int) -> Callable[[Any, Any], Any] | None:
        if self._pieces is None:
            return None
        asked = max((at for at, message in enumerate(order.messages) if message["role"] == "user"), default=0)
        turn = order.messages[asked:]
        result = turn[-1]["content"] if turn and turn[-1]["role"] == "tool" else None
        constraint = CopyConstraint(self._pieces, str(turn[0].get("content", ""))[:240] if turn else "", result, tools=bool(order.tools))
        mx = self._mx

        def process(context: Any, logits: Any) -> Any:
            allowed = constraint.allowed([int(id_) for id_ in context[prompt_length:].tolist()])
            if allowed is None:
                return logits
            mask = [0.0 if id_ in allowed else -1e9 for id_ in range(logits.shape[-1])]
            return logits + mx.array(mask)

        return process

    def _token_pieces(self) -> list[bytes]:
        return [self._text([id_]).encode() if id_ > 255 else bytes([id_]) for id_ in range(len(self._tokenizer))]

    def _text(self, ids: list[int]) -> str:
        return str(self._tokenizer.decode(ids, skip_special_tokens=False))

    def _new_batch(self) -> Any:
        stops = [[id_] for id_ in self._tokenizer.eos_token_ids]
        return self._batch_class(self._model, stop_tokens=stops, completion_batch_size=16, prefill_batch_size=8, prefill_step_size=512)


def _with_parsed_arguments(message: dict[str, Any]) -> dict[str, Any]:
    """Chat templates expect a call's arguments as an object; clients send JSON text."""
    if not message.get("tool_calls"):
        return message
    calls: list[dict[str, Any]] = []
    for call in message["tool_calls"]:
        arguments = call["function"].get("arguments")
        if isinstance(arguments, str):
            with contextlib.suppress(ValueError):
                arguments = json.loads(arguments or "{}")
        calls.append({**call, "function": {**call["function"], "arguments": arguments}})
    return {**message, "content": message.get("content") or "", "tool_calls": calls}


async def serve(folder: Path, run: Path, socket: str) -> None:
    """Load, then step while there is work and wait when there is none."""
    orders: list[ToEngine] = []
    arrived = asyncio.Event()

    def on_message(frames: Frames) -> None:
        orders.append(_decoder.decode(frames[0]))
        arrived.set()

    dealer: Dealer = ZmqBus(run).dealer(socket, on_message, f"engine.{os.getpid()}")

    def send(messages: list[Message]) -> None:
        dealer.send([_encoder.encode(messages)])

    try:
        engine = Engine(folder, send)
    except Exception as error:  # whatever is wrong with a model's files, the front has to know
        log.exception("model not loaded", folder=folder)
        send([LoadFailed(message=f"{folder.name} cannot be loaded: {error}")])
        await asyncio.sleep(0.2)
        return
    log.info("model loaded", model=folder.name, seconds=round(engine.seconds, 2))
    send([engine.loaded()])
    while True:
        while orders:
            match orders.pop(0):
                case Generate() as order:
                    engine.start(order)
                case Cancel(id=id_):
                    engine.cancel(id_)
                case Ping():
                    send([engine.loaded()])
        if engine.is_busy:
            engine.step()
            await asyncio.sleep(0)
        elif not orders:
            arrived.clear()
            await arrived.wait()


if __name__ == "__main__":
    logs.set_up("lmx.engine", "info")
    die_with_parent()
    asyncio.run(serve(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]))
