"""LMX's figures: Prometheus text, and the rates that telemetry shows."""

import time
from collections import deque
from collections.abc import AsyncIterator

from .engine_messages import Delta
from .engines import Answer, Engine

RATE_WINDOW_S = 2.0
FIRST_TOKEN_BUCKETS_S = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)


class Metrics:
    """Counts what passes."""

    def __init__(self) -> None:
        self._pieces: deque[float] = deque(maxlen=100_000)
        self._requests = 0
        self._failures = 0
        self._tokens = 0
        self._prompt_tokens = 0
        self._first_token_s: list[float] = [0] * (len(FIRST_TOKEN_BUCKETS_S) + 1)
        self._first_token_sum_s = 0.0

    async def watch(self, answer: AsyncIterator[list[Answer]]) -> AsyncIterator[list[Answer]]:
        """Pass an answer on and count it."""
        self._requests += 1
        started, first = time.monotonic(), True
        is_complete = False
        try:
            async for pieces in answer:
                now = time.monotonic()
                for piece in pieces:
                    if isinstance(piece, Delta):
                        self._pieces.append(now)
                    else:
                        self._tokens += piece.completion_tokens
                        self._prompt_tokens += piece.prompt_tokens
                        is_complete = True
                if first:
                    first = False
                    self._note_first_token(now - started)
                yield pieces
        finally:
            self._failures += not is_complete
            close = getattr(answer, "aclose", None)
            if close is not None:
                await close()

    def tokens_per_s(self) -> float:
        """Pieces a second over the last two."""
        now = time.monotonic()
        while self._pieces and now - self._pieces[0] > RATE_WINDOW_S:
            self._pieces.popleft()
        return round(len(self._pieces) / RATE_WINDOW_S, 1)

    def text(self, engine: Engine) -> str:
        """Prometheus exposition."""
        lines = [
            "# TYPE lmx_requests_total counter",
            f"lmx_requests_total {self._requests}",
            "# TYPE lmx_requests_failed_total counter",
            f"lmx_requests_failed_total {self._failures}",
            "# TYPE lmx_tokens_total counter",
            f'lmx_tokens_total{{kind="completion"}} {self._tokens}',
            f'lmx_tokens_total{{kind="prompt"}} {self._prompt_tokens}',
            "# TYPE lmx_tokens_per_second gauge",
            f"lmx_tokens_per_second {self.tokens_per_s()}",
            "# TYPE lmx_requests_running gauge",
            f"lmx_requests_running {engine.running}",
            "# TYPE lmx_model_loaded gauge",
            f'lmx_model_loaded{{model="{engine.name}"}} {int(engine.loaded is not None)}',
            "# TYPE lmx_first_token_seconds histogram",
        ]
        total = 0.0
        for bound, count in zip([*map(str, FIRST_TOKEN_BUCKETS_S), "+Inf"], self._first_token_s, strict=True):
            total += count
            lines.append(f'lmx_first_token_seconds_bucket{{le="{bound}"}} {total:g}')
        lines += [f"lmx_first_token_seconds_sum {self._first_token_sum_s:.6f}", f"lmx_first_token_seconds_count {total:g}"]
        return "\n".join(lines) + "\n"

    def _note_first_token(self, seconds: float) -> None:
        at = next((at for at, bound in enumerate(FIRST_TOKEN_BUCKETS_S) if seconds <= bound), len(FIRST_TOKEN_BUCKETS_S))
        self._first_token_s[at] += 1
        self._first_token_sum_s += seconds
