"""LMX's metrics: Prometheus text, and the rates for telemetry."""

import statistics
import time
from collections import deque
from collections.abc import Callable, Iterable

from opta_core.process.process import memory_total
from opta_protocol.lmx import LmxSpeed

from ..engine_client.client import EngineClient
from ..engine_client.engine_stream import ChoiceEvents
from ..ipc.messages import Delta, Finished
from ..models.engine_pool import EnginePool

RATE_WINDOW_S = 2.0
FIRST_TOKEN_BUCKETS_S = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
# Further callers are counted as one, so that the metrics stay bounded.
CALLERS_MAX = 64
# Requests of a model that its speed is computed from; shorter answers are too noisy for a rate.
RECENT_MAX, RATED_TOKENS_MIN = 20, 8


class Counts:
    """Counts of one model and one caller; all but the first two are tokens."""

    def __init__(self) -> None:
        self.requests = self.failures = self.completion = self.prompt = self.cached = 0

    def add(self, other: "Counts") -> None:
        """Add the counts of another model."""
        self.requests += other.requests
        self.failures += other.failures
        self.completion += other.completion
        self.prompt += other.prompt
        self.cached += other.cached


class ModelSpeed:
    """How fast a model's last finished requests were. Short answers count for the first token only."""

    def __init__(self) -> None:
        self._rates: deque[float] = deque(maxlen=RECENT_MAX)
        self._first_token_s: deque[float] = deque(maxlen=RECENT_MAX)
        self._delta_times: deque[float] = deque(maxlen=10_000)

    def finished(self, tokens: int, first_s: float, writing_s: float) -> None:
        """A request has ended: `first_s` to its first token, then `writing_s` for the others."""
        self._first_token_s.append(first_s)
        if tokens >= RATED_TOKENS_MIN and writing_s > 0:
            self._rates.append((tokens - 1) / writing_s)

    def count_deltas(self, count: int, now: float) -> None:
        """Count deltas that arrived now."""
        self._delta_times.extend([now] * count)

    def reading(self) -> LmxSpeed | None:
        """The figures of now; None before anything was measured."""
        now = time.monotonic()
        while self._delta_times and now - self._delta_times[0] > RATE_WINDOW_S:
            self._delta_times.popleft()
        if not self._first_token_s:
            return None
        return LmxSpeed(
            requests=len(self._first_token_s),
            tokens_per_s=round(_median(self._rates), 1),
            now_tokens_per_s=round(len(self._delta_times) / RATE_WINDOW_S, 1),
            first_token_s=round(_median(self._first_token_s), 3),
        )


class LmxMetrics:
    """Counts what the engines produce."""

    def __init__(self) -> None:
        self._speeds: dict[str, ModelSpeed] = {}
        self._delta_times: deque[float] = deque(maxlen=100_000)
        self._counts: dict[tuple[str, str], Counts] = {}
        self._callers: set[str] = set()
        self._first_token_s: list[float] = [0] * (len(FIRST_TOKEN_BUCKETS_S) + 1)
        self._first_token_sum_s = 0.0

    def meter(self, model: str, caller: str, choices: int) -> "RequestMeter":
        """The meter of one request."""
        return RequestMeter(self, self._of(model, caller), choices, self._speeds.setdefault(model, ModelSpeed()))

    def speed(self, model: str) -> LmxSpeed | None:
        """How fast a model's last requests were; None when it has answered none."""
        return found.reading() if (found := self._speeds.get(model)) is not None else None

    def tokens_per_s(self) -> float:
        """Deltas per second, over the last two seconds."""
        now = time.monotonic()
        while self._delta_times and now - self._delta_times[0] > RATE_WINDOW_S:
            self._delta_times.popleft()
        return round(len(self._delta_times) / RATE_WINDOW_S, 1)

    def total(self, name: str) -> int:
        """The sum of one count over all models and callers."""
        return sum(getattr(counts, name) for counts in self._counts.values())

    def by_caller(self) -> list[dict[str, str | int]]:
        """The counts of each caller over all models, the one with the most tokens first."""
        found: dict[str, Counts] = {}
        for (_, caller), counts in self._counts.items():
            found.setdefault(caller, Counts()).add(counts)
        callers = sorted(found.items(), key=lambda entry: -(entry[1].prompt + entry[1].completion))
        return [
            {
                "name": name,
                "requests": counts.requests,
                "failed": counts.failures,
                "prompt": counts.prompt,
                "cached": counts.cached,
                "completion": counts.completion,
            }
            for name, counts in callers
        ]

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
            *_gauge("lmx_memory_total_bytes", memory_total()),
            *_by_model("lmx_model_loaded", "gauge", engines, lambda engine: int(engine.loaded is not None)),
            *_by_model("lmx_model_running", "gauge", engines, lambda engine: engine.running),
            *_by_model("lmx_model_memory_bytes", "gauge", engines, lambda engine: engine.memory),
            *_by_model("lmx_model_restarts_total", "counter", engines, lambda engine: engine.restarts),
            *_by_model("lmx_model_tokens_per_second", "gauge", engines, lambda engine: _rate(self.speed(engine.name))),
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

    def count_deltas(self, count: int, now: float) -> None:
        """Count deltas that arrived now."""
        self._delta_times.extend([now] * count)

    def count_first_token(self, seconds: float) -> None:
        """A request got its first event after `seconds`."""
        at = next((at for at, bound in enumerate(FIRST_TOKEN_BUCKETS_S) if seconds <= bound), len(FIRST_TOKEN_BUCKETS_S))
        self._first_token_s[at] += 1
        self._first_token_sum_s += seconds


class RequestMeter:
    """Counts one request; a choice that does not finish is a failure."""

    def __init__(self, metrics: LmxMetrics, counts: Counts, choices: int, speed: ModelSpeed):
        self._metrics, self._counts, self._left, self._speed = metrics, counts, choices, speed
        self._started, self._has_event, self._first_at = time.monotonic(), False, 0.0
        # Of several choices, each would be slower than one alone.
        self._is_single = choices == 1
        counts.requests += choices

    def count(self, events: ChoiceEvents) -> None:
        """The reader takes these events."""
        now = time.monotonic()
        if not self._has_event:
            self._has_event, self._first_at = True, now
            self._metrics.count_first_token(now - self._started)
        deltas = 0
        for _, event in events:
            if isinstance(event, Delta):
                deltas += 1
            elif isinstance(event, Finished):
                self._left -= 1
                self._counts.completion += event.completion_tokens
                self._counts.prompt += event.prompt_tokens
                self._counts.cached += event.cached_tokens
                if self._is_single and event.completion_tokens:
                    self._speed.finished(event.completion_tokens, self._first_at - self._started, now - self._first_at)
        if deltas:
            self._metrics.count_deltas(deltas, now)
            self._speed.count_deltas(deltas, now)

    def close(self) -> None:
        """The request is over."""
        self._counts.failures += self._left
        self._left = 0


def _counter(name: str, value: float) -> list[str]:
    return [f"# TYPE {name} counter", f"{name} {value:.15g}"]


def _gauge(name: str, value: float) -> list[str]:
    return [f"# TYPE {name} gauge", f"{name} {value:.15g}"]


def _by_model(name: str, kind: str, engines: list[EngineClient], value: Callable[[EngineClient], float]) -> list[str]:
    return [f"# TYPE {name} {kind}", *(f'{name}{{model="{_label(engine.name)}"}} {value(engine):.15g}' for engine in engines)]


def _median(values: Iterable[float]) -> float:
    known = list(values)
    return statistics.median(known) if known else 0.0


def _rate(speed: LmxSpeed | None) -> float:
    return speed.tokens_per_s if speed is not None else 0.0


def _label(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
