"""One request in the engine: tokens in, messages of its answer out."""

from collections.abc import Callable
from typing import Any

from ..ipc.messages import Delta, Finished, Generate, Message, TokenLogprob
from ..parsing.output_parser import AnswerSplitter, ForcedCall, Piece

# What has no probability at all is told as OpenAI does; it stands first in max(), which so takes no NaN.
LEAST_LOGPROB = -9999.0


class Vocabulary:
    """What tokens stand for."""

    def __init__(self, tokenizer: Any, mx: Any):
        self._tokenizer, self._mx = tokenizer, mx
        self._pieces: list[bytes] = []

    def text(self, ids: list[int]) -> str:
        """Some tokens as text, special ones included."""
        return str(self._tokenizer.decode(ids, skip_special_tokens=False))

    def pieces(self) -> list[bytes]:
        """Every token by itself, as bytes."""
        if not self._pieces:
            self._pieces = [self.text([id_]).encode() if id_ > 255 else bytes([id_]) for id_ in range(len(self._tokenizer))]
        return self._pieces

    def detokenizer(self) -> Any:
        """Makes text of tokens as they come, characters whole."""
        return self._tokenizer.detokenizer

    def logprob(self, token: int, logprobs: Any, alternatives: int) -> TokenLogprob:
        """How likely a token was, and which ones were likeliest in its place."""
        top: list[tuple[str, float]] = []
        if alternatives:
            best = self._mx.argsort(-logprobs)[:alternatives].tolist()
            top = [(self.text([id_]), max(LEAST_LOGPROB, float(logprobs[id_]))) for id_ in best]
        text = self.text([token])
        return TokenLogprob(token=text, logprob=max(LEAST_LOGPROB, float(logprobs[token])), bytes=list(text.encode()), top=top)


class Sequence:
    """One request. `room`: how many tokens it may be answered with."""

    def __init__(self, order: Generate, prompt: list[int], room: int, words: Vocabulary, splitter: AnswerSplitter):
        self.order, self.prompt, self.room = order, prompt, room
        self._words, self._splitter = words, splitter
        self._detokenizer = words.detokenizer()
        self._forced = ForcedCall() if order.forced else None
        self._logprobs: list[TokenLogprob] = []
        self._thinking = 0
        self.sampler: Callable[[Any], Any] | None = None
        self.changes: list[Any] = []
        # Tokens of the prompt that were computed before, those read since, and where to keep a copy on the way.
        self.cached = self.read = 0
        self.checkpoints: list[tuple[int, bool]] = []
        self.tokens = 0
        # Bytes that its cache takes when it is as long as it may become.
        self.size = 0
        self.has_begun = False
        # The batch will tell a token that was taken already.
        self.is_ahead = False
        self.is_over = False

    @property
    def is_reading(self) -> bool:
        """Whether its prompt is still being read."""
        return not self.has_begun

    def read_to(self, progress: Any) -> int:
        """The batch has read on; how many tokens more."""
        self.has_begun |= progress.end_of_prompt
        before, self.read = self.read, progress.progress[0] if not progress.end_of_prompt else self.read
        return max(0, self.read - before)

    def take(self, token: int, logprobs: Any, finish: str | None) -> list[Message]:
        """The next token, and how the batch says that it ended, if it did."""
        self.tokens += 1
        self.has_begun = True
        is_end = finish == "stop"
        if self.order.logprobs >= 0 and not is_end:
            self._logprobs.append(self._words.logprob(token, logprobs, self.order.logprobs))
        if not is_end:
            self._detokenizer.add_token(token)
        if finish is not None:
            self._detokenizer.finalize()
        pieces = self._pieces(self._detokenizer.last_segment, finish)
        messages: list[Message] = [self._delta(piece) for piece in pieces]
        is_stopped = self._splitter.is_stopped
        if finish is None and not is_stopped:
            return messages
        self.is_over = True
        return [*messages, self._finished("stop" if is_stopped or is_end else "length")]

    def _pieces(self, text: str, finish: str | None) -> list[Piece]:
        is_cut = finish == "length"
        if self._forced is not None:
            pieces = self._forced.feed(text) if text else []
            return pieces + self._forced.end(is_cut=is_cut) if finish is not None else pieces
        pieces = self._splitter.feed(text) if text else []
        if finish is not None and not self._splitter.is_stopped:
            pieces += self._splitter.end(is_cut=is_cut)
        return pieces

    def _finished(self, finish: str) -> Finished:
        return Finished(
            id=self.order.id,
            finish=finish,
            prompt_tokens=len(self.prompt),
            completion_tokens=self.tokens,
            thinking_tokens=self._thinking,
            cached_tokens=self.cached,
            stopped_by=self._splitter.stopped_by,
            malformed=self._splitter.malformed,
        )

    def _delta(self, piece: Piece) -> Message:
        if piece.kind == "thinking":
            self._thinking += 1
            return Delta(id=self.order.id, thinking=piece.text)
        logprobs, self._logprobs = self._logprobs, []
        return Delta(id=self.order.id, text=piece.text, name=piece.name, arguments=piece.arguments, logprobs=logprobs)
