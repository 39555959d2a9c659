"""Traces, logs and metrics, thin enough to leave on.

Every call gets trace ids. A span is made when the call ends, and only when the trace is sampled or the call
was refused or slow, so an unsampled call costs two random numbers.
"""

import logging
import random
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from types import TracebackType
from typing import TYPE_CHECKING
from uuid import UUID

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, Status, StatusCode, TraceFlags
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from prometheus_client import Counter, Gauge, Histogram
from pythonjsonlogger.json import JsonFormatter

if TYPE_CHECKING:
    from libs.common.database import Connection

REQUESTS = Counter("clicsequr_http_requests_total", "Answered calls", ["method", "route", "status"])
REQUEST_SECONDS = Histogram("clicsequr_http_request_seconds", "Time to answer", ["route"])
FACTS_AGE = Gauge("clicsequr_facts_age_seconds", "Age of what is known from a publisher", ["publisher"])
FACTS_OLD = Counter("clicsequr_facts_old_total", "Readings older than facts_warn_seconds", ["publisher"])
PARKED = Gauge("clicsequr_parked_events", "Events that wait for an operator")
LAG = Gauge("clicsequr_consumer_lag", "Records not yet applied", ["publisher"])
PUBLISHED = Counter("clicsequr_outbox_published_total", "Events acknowledged by the broker")
DRAINED = Gauge("clicsequr_outbox_drained_timestamp_seconds", "When the outbox was last seen empty, Unix time")
RELAY_RESTARTS = Counter("clicsequr_relay_restarts_total", "Times that the relay opened a new producer")
SWEEP_FAILURES = Counter("clicsequr_sweep_failures_total", "Rounds of a sweep that failed", ["sweep"])
UNREADABLE = Counter(
    "clicsequr_unreadable_messages_total", "Messages that are no event of their topic", ["publisher"]
)

SERVER_ERROR = 500
SAMPLED = TraceFlags(TraceFlags.SAMPLED)
UNSAMPLED = TraceFlags(TraceFlags.DEFAULT)

_requests = cache(REQUESTS.labels)
_request_seconds = cache(REQUEST_SECONDS.labels)


def count_request(method: str, route: str, status: int, *, seconds: float) -> None:
    """Methods, route templates and statuses are few, so their counters are looked up once."""
    _requests(method, route, status).inc()
    _request_seconds(route).observe(seconds)


correlation: ContextVar[UUID | None] = ContextVar("correlation", default=None)
_here: ContextVar[SpanContext | None] = ContextVar("span", default=None)
_preset: ContextVar[tuple[int, int] | None] = ContextVar("preset_ids", default=None)
_propagator = TraceContextTextMapPropagator()


class _GivenIds(IdGenerator):
    """Gives a span the ids that were already propagated while it ran."""

    def generate_trace_id(self) -> int:
        preset = _preset.get()
        return preset[0] if preset else random.getrandbits(128) or 1

    def generate_span_id(self) -> int:
        preset = _preset.get()
        return preset[1] if preset else random.getrandbits(64) or 1


@dataclass
class _Tracing:
    provider: TracerProvider | None = None
    ratio: float = 0.0
    slow_seconds: float = 1.0


_tracing = _Tracing()


def new_provider(service: str) -> TracerProvider:
    return TracerProvider(
        sampler=ALWAYS_ON, resource=Resource.create({"service.name": service}), id_generator=_GivenIds()
    )


def configure_tracing(
    service: str, *, ratio: float, slow_seconds: float, otlp_endpoint: str | None
) -> TracerProvider | None:
    """Starts exporting spans when there is an endpoint; ids are propagated in any case."""
    _tracing.ratio, _tracing.slow_seconds, _tracing.provider = ratio, slow_seconds, None
    if otlp_endpoint is not None:
        _tracing.provider = new_provider(service)
        _tracing.provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=otlp_endpoint)))
    return _tracing.provider


def use_provider(provider: TracerProvider | None, *, ratio: float, slow_seconds: float = 1.0) -> None:
    _tracing.provider, _tracing.ratio, _tracing.slow_seconds = provider, ratio, slow_seconds


@dataclass
class Span:
    """A piece of work that is being done; becomes an OpenTelemetry span if it turns out worth keeping."""

    name: str
    kind: SpanKind
    parent: SpanContext | None
    context: SpanContext
    attributes: dict[str, str | int] = field(default_factory=dict)
    refused: bool = False
    failed: bool = False
    started_ns: int = field(default_factory=time.time_ns)

    @property
    def trace_id(self) -> str:
        return f"{self.context.trace_id:032x}"


class span:  # noqa: N801 - used as a function is, in a `with`
    """Continues the trace of `traceparent` (W3C Trace Context), else the current one, else begins one."""

    __slots__ = ("_current", "_sampled", "_token")

    def __init__(self, name: str, *, kind: SpanKind = SpanKind.INTERNAL, traceparent: str | None = None) -> None:
        parent = _parent(traceparent)
        trace_id = parent.trace_id if parent else random.getrandbits(128) or 1
        self._sampled = parent.trace_flags.sampled if parent else random.random() < _tracing.ratio  # noqa: S311
        here = SpanContext(
            trace_id,
            random.getrandbits(64) or 1,
            is_remote=False,
            trace_flags=SAMPLED if self._sampled else UNSAMPLED,
        )
        self._current = Span(name, kind, parent, here)

    def __enter__(self) -> Span:
        self._token = _here.set(self._current.context)
        return self._current

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._current.failed = True
        _here.reset(self._token)
        _keep(self._current, sampled=self._sampled)


def _parent(traceparent: str | None) -> SpanContext | None:
    if traceparent is not None:
        carried = trace.get_current_span(_propagator.extract({"traceparent": traceparent})).get_span_context()
        return carried if carried.is_valid else None
    return _here.get()


def _keep(done: Span, *, sampled: bool) -> None:
    if _tracing.provider is None:
        return
    ended_ns = time.time_ns()
    slow = (ended_ns - done.started_ns) >= _tracing.slow_seconds * 1e9
    if not (sampled or done.refused or done.failed or slow):
        return
    token = _preset.set((done.context.trace_id, done.context.span_id))
    try:
        parent = _context_of(done.parent)
        kept = _tracing.provider.get_tracer("clicsequr").start_span(
            done.name, parent, done.kind, attributes=done.attributes, start_time=done.started_ns
        )
        if done.failed:
            kept.set_status(Status(StatusCode.ERROR))
        kept.end(ended_ns)
    finally:
        _preset.reset(token)


def _context_of(parent: SpanContext | None) -> Context:
    return Context() if parent is None else trace.set_span_in_context(NonRecordingSpan(parent), Context())


def current_traceparent() -> str | None:
    """The header that hands the current trace to another process, if there is one."""
    carrier: dict[str, str] = {}
    _propagator.inject(carrier, _context_of(_here.get()))
    return carrier.get("traceparent")


def is_traced() -> bool:
    """Whether spans made now would be kept."""
    here = _here.get()
    return _tracing.provider is not None and here is not None and here.trace_flags.sampled


@contextmanager
def trace_queries(connection: "Connection") -> Iterator[None]:
    """One span per statement; the text of a statement never carries its arguments."""
    here = _context_of(_here.get())
    provider = _tracing.provider
    if provider is None:
        yield
        return

    def log(record: "object") -> None:
        ended_ns = time.time_ns()
        statement = str(getattr(record, "query", ""))[:500]
        elapsed_ns = int(float(getattr(record, "elapsed", 0)) * 1e9)
        query = provider.get_tracer("clicsequr").start_span(
            "sql",
            here,
            SpanKind.CLIENT,
            attributes={"db.system.name": "postgresql", "db.query.text": statement},
            start_time=ended_ns - elapsed_ns,
        )
        query.end(ended_ns)

    with connection.query_logger(log):
        yield


class _WithIds(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        here = _here.get()
        record.trace_id = f"{here.trace_id:032x}" if here else None
        record.correlation_id = str(correlation.get() or "") or None
        return True


def configure_logging(service: str, *, role: str, level: str) -> None:
    """JSON lines on standard error, each with its trace and correlation ids."""
    lines = logging.StreamHandler(sys.stderr)
    lines.addFilter(_WithIds())
    lines.setFormatter(
        JsonFormatter(
            "%(asctime)s %(levelname)s %(name)s %(message)s %(trace_id)s %(correlation_id)s",
            rename_fields={"asctime": "at", "levelname": "level", "name": "logger"},
            static_fields={"service": service, "role": role},
        )
    )
    logging.basicConfig(level=level, handlers=[lines], force=True)
    for chatty in ("httpcore", "aiokafka", "asyncio"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
