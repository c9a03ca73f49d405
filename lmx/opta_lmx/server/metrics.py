"""LMX's figures: Prometheus text, and the rates that telemetry shows."""

import time
from collections import deque
from collections.abc import AsyncIterator, Callable

from ..engine_client.client import Engine, EngineEvent
from ..ipc.messages import Delta
from ..models.engine_pool import EnginePool
from .sse import close

RATE_WINDOW_S = 2.0
FIRST_TOKEN_BUCKETS_S = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
# Further callers are counted together: figures do not grow with those who ask.
CALLERS_MAX = 64


class Counts:
    """Of one model and one caller."""

    def __init__(self) -> None:
        self.requests = self.failures = self.completion = self.prompt = self.cached = 0


class Metrics:
    """Counts what passes."""

    def __init__(self) -> None:
        self._pieces: deque[float] = deque(maxlen=100_000)
        self._counts: dict[tuple[str, str], Counts] = {}
        self._callers: set[str] = set()
        self._first_token_s: list[float] = [0] * (len(FIRST_TOKEN_BUCKETS_S) + 1)
        self._first_token_sum_s = 0.0

    async def watch(self, answer: AsyncIterator[list[EngineEvent]], model: str, caller: str) -> AsyncIterator[list[EngineEvent]]:
        """Pass an answer on and count it."""
        counts = self._of(model, caller)
        counts.requests += 1
        started, first = time.monotonic(), True
        is_complete = False
        try:
            async for pieces in answer:
                now = time.monotonic()
                for piece in pieces:
                    if isinstance(piece, Delta):
                        self._pieces.append(now)
                    else:
                        counts.completion += piece.completion_tokens
                        counts.prompt += piece.prompt_tokens
                        counts.cached += piece.cached_tokens
                        is_complete = True
                if first:
                    first = False
                    self._note_first_token(now - started)
                yield pieces
        finally:
            counts.failures += not is_complete
            await close(answer)

    def tokens_per_s(self) -> float:
        """Pieces a second over the last two."""
        now = time.monotonic()
        while self._pieces and now - self._pieces[0] > RATE_WINDOW_S:
            self._pieces.popleft()
        return round(len(self._pieces) / RATE_WINDOW_S, 1)

    def total(self, name: str) -> int:
        """One of the counts, over all models and callers."""
        return sum(getattr(counts, name) for counts in self._counts.values())

    def text(self, pool: EnginePool) -> str:
        """Prometheus exposition."""
        engines = list(pool.engines.values())
        lines = [
            *_counter("lmx_requests_total", self.total("requests")),
            *_counter("lmx_requests_failed_total", self.total("failures")),
            "# TYPE lmx_tokens_total counter",
            f'lmx_tokens_total{{kind="completion"}} {self.total("completion")}',
            f'lmx_tokens_total{{kind="prompt"}} {self.total("prompt")}',
            f'lmx_tokens_total{{kind="cached"}} {self.total("cached")}',
            "# TYPE lmx_caller_tokens_total counter",
            *(
                f'lmx_caller_tokens_total{{model="{_label(model)}",caller="{_label(caller)}",kind="{kind}"}} {getattr(counts, kind)}'
                for (model, caller), counts in self._counts.items()
                for kind in ("completion", "prompt", "cached")
            ),
            *_gauge("lmx_tokens_per_second", self.tokens_per_s()),
            *_gauge("lmx_requests_running", pool.running),
            *_gauge("lmx_requests_waiting", sum(engine.waiting for engine in engines)),
            *_gauge("lmx_memory_used_bytes", pool.used),
            *_gauge("lmx_memory_limit_bytes", pool.limit),
            *_by_model("lmx_model_loaded", "gauge", engines, lambda engine: int(engine.loaded is not None)),
            *_by_model("lmx_model_running", "gauge", engines, lambda engine: engine.running),
            *_by_model("lmx_model_memory_bytes", "gauge", engines, lambda engine: engine.memory),
            *_by_model("lmx_model_restarts_total", "counter", engines, lambda engine: engine.restarts),
            *_by_model("lmx_prefix_bytes", "gauge", engines, lambda engine: engine.loaded.prefix_bytes if engine.loaded else 0),
            *_by_model("lmx_steps_total", "counter", engines, lambda engine: engine.loaded.steps if engine.loaded else 0),
            *_by_model("lmx_step_seconds_total", "counter", engines, lambda engine: engine.loaded.step_s if engine.loaded else 0),
            *_by_model("lmx_drafted_tokens_total", "counter", engines, lambda engine: engine.loaded.drafted if engine.loaded else 0),
            *_by_model("lmx_accepted_tokens_total", "counter", engines, lambda engine: engine.loaded.accepted if engine.loaded else 0),
            "# TYPE lmx_first_token_seconds histogram",
        ]
        total = 0.0
        for bound, count in zip([*map(str, FIRST_TOKEN_BUCKETS_S), "+Inf"], self._first_token_s, strict=True):
            total += count
            lines.append(f'lmx_first_token_seconds_bucket{{le="{bound}"}} {total:g}')
        lines += [f"lmx_first_token_seconds_sum {self._first_token_sum_s:.6f}", f"lmx_first_token_seconds_count {total:g}"]
        return "\n".join(lines) + "\n"

    def _of(self, model: str, caller: str) -> Counts:
        if caller not in self._callers:
            if len(self._callers) >= CALLERS_MAX:
                caller = "others"
            self._callers.add(caller)
        return self._counts.setdefault((model, caller), Counts())

    def _note_first_token(self, seconds: float) -> None:
        at = next((at for at, bound in enumerate(FIRST_TOKEN_BUCKETS_S) if seconds <= bound), len(FIRST_TOKEN_BUCKETS_S))
        self._first_token_s[at] += 1
        self._first_token_sum_s += seconds


def _counter(name: str, value: float) -> list[str]:
    return [f"# TYPE {name} counter", f"{name} {value:.15g}"]


def _gauge(name: str, value: float) -> list[str]:
    return [f"# TYPE {name} gauge", f"{name} {value:.15g}"]


def _by_model(name: str, kind: str, engines: list[Engine], value: Callable[[Engine], float]) -> list[str]:
    return [f"# TYPE {name} {kind}", *(f'{name}{{model="{_label(engine.name)}"}} {value(engine):.15g}' for engine in engines)]


def _label(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
