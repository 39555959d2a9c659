import json
import logging
from collections.abc import Iterator
from uuid import uuid4

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from libs.common import telemetry
from libs.common.telemetry import configure_logging, correlation, current_traceparent, new_provider, span


@pytest.fixture
def kept() -> Iterator[InMemorySpanExporter]:
    exporter, provider = InMemorySpanExporter(), new_provider("test")
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    telemetry.use_provider(provider, ratio=0.0)
    yield exporter
    telemetry.use_provider(None, ratio=0.0)
    provider.shutdown()


def test_an_ordinary_unsampled_call_leaves_no_span(kept: InMemorySpanExporter) -> None:
    with span("GET"):
        pass
    assert kept.get_finished_spans() == ()


@pytest.mark.parametrize("mark", ["refused", "failed"])
def test_a_refused_or_failed_call_is_always_kept(kept: InMemorySpanExporter, mark: str) -> None:
    with span("GET", kind=SpanKind.SERVER) as current:
        setattr(current, mark, True)
    [found] = kept.get_finished_spans()
    assert f"{found.context.trace_id:032x}" == current.trace_id


def test_a_slow_call_is_always_kept(kept: InMemorySpanExporter) -> None:
    with span("GET") as current:
        current.started_ns -= 2_000_000_000
    assert len(kept.get_finished_spans()) == 1


def test_a_sampled_trace_goes_on_in_another_process(kept: InMemorySpanExporter) -> None:
    trace_id, parent_id = uuid4().hex, "00f067aa0ba902b7"
    with span("consume", traceparent=f"00-{trace_id}-{parent_id}-01"):
        handed_on = current_traceparent()
        with span("inner"):
            pass
    inner, outer = kept.get_finished_spans()
    assert handed_on is not None
    assert handed_on == f"00-{trace_id}-{outer.context.span_id:016x}-01"
    assert outer.parent is not None
    assert f"{outer.parent.span_id:016x}" == parent_id
    assert inner.parent is not None
    assert inner.parent.span_id == outer.context.span_id


def test_an_unsampled_parent_is_respected(kept: InMemorySpanExporter) -> None:
    telemetry.use_provider(telemetry._tracing.provider, ratio=1.0)  # noqa: SLF001
    with span("consume", traceparent=f"00-{uuid4().hex}-00f067aa0ba902b7-00"):
        pass
    assert kept.get_finished_spans() == ()


def test_a_malformed_parent_begins_a_new_trace(kept: InMemorySpanExporter) -> None:
    with span("consume", traceparent="00-zz-zz-01") as current:
        current.refused = True
    assert len(kept.get_finished_spans()) == 1


def test_a_log_line_is_json_with_its_trace_and_correlation_ids(capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    try:
        configure_logging("registry", role="api", level="INFO")
        correlation_id = uuid4()
        token = correlation.set(correlation_id)
        with span("GET") as current:
            logging.getLogger("x").info("said", extra={"code": 7})
        correlation.reset(token)
        line = json.loads(capsys.readouterr().err)
    finally:
        root.handlers[:] = before
        root.setLevel(level)
    assert line["message"] == "said"
    assert line["trace_id"] == current.trace_id
    assert (line["correlation_id"], line["service"], line["code"]) == (str(correlation_id), "registry", 7)
