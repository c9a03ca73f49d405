"""Sends spans and figures of turns to an OpenTelemetry collector, through the official SDK, which is imported only when it is wanted.

The SDK's threads send; queues are bounded, and what does not fit is dropped. A collector that cannot be reached is named once, until it
answers again.
"""

import hashlib
import logging
from collections.abc import Sequence
from typing import Any

from opta_core.logs import Log
from opta_core.otel_settings import OtelSettings
from opta_core.version import VERSION

from .turn_spans import SpanRecord

EXPORT_S, EVERY_S, FIGURES_EVERY_S = 5, 1.0, 15.0
QUEUE_MAX = 4096
_SCOPE = "opta"
log = Log("otel")


class Reachable:
    """Says once that the collector cannot be reached, and once that it answers again."""

    def __init__(self, endpoint: str):
        self._endpoint, self._is_lost = endpoint, False

    def saw(self, is_ok: bool) -> None:
        """One export went well, or not."""
        if self._is_lost == is_ok:
            self._is_lost = not is_ok
            if is_ok:
                log.info("the collector answers again", endpoint=self._endpoint)
            else:
                log.warning("the collector cannot be reached; telemetry is dropped until it answers, turns go on", endpoint=self._endpoint)


class SpanExport:
    """`settings`: those that the gateway started with. Raises ImportError when the SDK is not installed."""

    def __init__(self, settings: OtelSettings):
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        # It would write each failed export to the log.
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
        base, reachable = settings.endpoint.rstrip("/"), Reachable(settings.endpoint)
        spans: Any = OTLPSpanExporter(endpoint=f"{base}/v1/traces", timeout=EXPORT_S)
        figures: Any = OTLPMetricExporter(endpoint=f"{base}/v1/metrics", timeout=EXPORT_S)
        for exporter in (spans, figures):
            exporter.export = _watched(exporter.export, reachable)
        resource = Resource.create({"service.name": settings.service, "service.version": VERSION})
        self._ids = _TurnIds()
        ids: Any = self._ids
        self._tracers: Any = TracerProvider(resource=resource, id_generator=ids, shutdown_on_exit=False)
        self._tracers.add_span_processor(
            BatchSpanProcessor(spans, max_queue_size=QUEUE_MAX, schedule_delay_millis=EVERY_S * 1000, export_timeout_millis=EXPORT_S * 1000)
        )
        reader = PeriodicExportingMetricReader(
            figures, export_interval_millis=FIGURES_EVERY_S * 1000, export_timeout_millis=EXPORT_S * 1000
        )
        self._meters: Any = MeterProvider(resource=resource, metric_readers=[reader], shutdown_on_exit=False)
        meter: Any = self._meters.get_meter(_SCOPE, VERSION)
        self._tracer: Any = self._tracers.get_tracer(_SCOPE, VERSION)
        self._tokens = meter.create_histogram("gen_ai.client.token.usage", "{token}", "Tokens that models read and wrote")
        self._durations = meter.create_histogram("gen_ai.client.operation.duration", "s", "Seconds that model calls, tools and turns took")

    def send(self, sid: str, turn: str, records: Sequence[SpanRecord]) -> None:
        """Queue the spans of a turn, and count its figures. Called on the event loop; sends nothing itself."""
        from opentelemetry import trace
        from opentelemetry.trace import SpanKind, Status, StatusCode

        # The same turn has the same trace, also when it is exported again after a restart.
        self._ids.trace = int.from_bytes(hashlib.sha256(f"{sid}/{turn}".encode()).digest()[:16], "big")
        made: list[Any] = []
        for number, record in enumerate(records):
            self._ids.span = int.from_bytes(hashlib.sha256(f"{sid}/{turn}/{number}".encode()).digest()[:8], "big")
            parent = trace.set_span_in_context(made[record.parent]) if record.parent >= 0 else None
            span = self._tracer.start_span(
                record.name,
                context=parent,
                kind=SpanKind.CLIENT if record.kind == "client" else SpanKind.INTERNAL,
                attributes={**record.attributes, **({"error.type": record.error} if record.error else {})},
                start_time=record.start,
            )
            if record.error:
                span.set_status(Status(StatusCode.ERROR))
            made.append(span)
            self._count(record)
        for span, record in zip(made, records, strict=True):
            span.end(record.end)

    def close(self) -> None:
        """Send what is queued, for a short time. Blocks; called in a thread."""
        self._tracers.force_flush(1000)
        self._meters.force_flush(1000)

    def _count(self, record: SpanRecord) -> None:
        names = ("gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.request.model", "gen_ai.tool.name")
        about = {name: record.attributes[name] for name in names if name in record.attributes}
        if not about:
            return
        failed = {"error.type": record.error} if record.error else {}
        self._durations.record((record.end - record.start) / 1e9, about | failed)
        if record.kind == "client":
            for kind in ("input", "output"):
                if tokens := record.attributes.get(f"gen_ai.usage.{kind}_tokens"):
                    self._tokens.record(tokens, about | {"gen_ai.token.type": kind})


class _TurnIds:
    """The ids of the span that is made next. The SDK asks for a trace id for a span without a parent."""

    trace = 1
    span = 1

    def generate_trace_id(self) -> int:
        return self.trace or 1

    def generate_span_id(self) -> int:
        return self.span or 1

    def is_trace_id_random(self) -> bool:
        return True


def _watched(export: Any, reachable: Reachable) -> Any:
    def watched(*arguments: Any, **more: Any) -> Any:
        result = export(*arguments, **more)
        reachable.saw(result.name == "SUCCESS")
        return result

    return watched
