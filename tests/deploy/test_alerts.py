"""Alerts speak of metrics that the services have, and each has its page."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import Counter, Gauge, Histogram

from libs.common import telemetry
from libs.common.settings import ServiceSettings
from services.auth.session import logout_delivery
from services.auth.user_code import breached
from tests.deploy import manifests

PROJECT = Path(__file__).parents[2]
OBSERVABILITY = PROJECT / "deploy/observability"
RUNBOOKS = PROJECT / "docs/runbooks"
SUFFIXES = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_count", "_sum")}
METRICS: dict[str, tuple[str, ...]] = {
    metric.name + suffix: collector._labelnames  # noqa: SLF001 - the library tells label names nowhere else
    for module in (telemetry, breached, logout_delivery)
    for collector in vars(module).values()
    if isinstance(collector, Counter | Gauge | Histogram)
    for metric in collector.describe()
    for suffix in SUFFIXES[metric.type]
}
# What the scrape configuration and Prometheus add to each metric.
ADDED = {"service", "role", "pod", "job"}
PAGES = sorted(RUNBOOKS.glob("*.md"))


def _rules() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load((OBSERVABILITY / "alerts.yaml").read_text(encoding="utf-8"))["groups"]
    rules: list[dict[str, Any]] = group["rules"]
    return rules


def _page(alert: str) -> str:
    return re.sub(r"(?<=.)([A-Z])", r"-\1", alert).lower() + ".md"


RULES = {rule["alert"]: rule for rule in _rules()}


def _metrics(expression: str) -> set[str]:
    return set(re.findall(r"\bclicsequr_\w+", expression))


@pytest.mark.parametrize("alert", RULES)
def test_an_alert_reads_metrics_that_the_services_have(alert: str) -> None:
    rule = RULES[alert]
    assert rule.keys() == {"alert", "expr", "for", "labels", "annotations"}
    used = _metrics(rule["expr"])
    assert used - METRICS.keys() == set()
    assert used or rule["expr"].startswith("up{")


@pytest.mark.parametrize("alert", RULES)
def test_an_alert_reads_labels_that_its_metrics_have(alert: str) -> None:
    rule = RULES[alert]
    known = ADDED | {label for name in _metrics(rule["expr"]) for label in METRICS[name]}
    grouped = {name for group in re.findall(r"by \(([^)]*)\)", rule["expr"]) for name in group.split(", ")}
    matched = set(re.findall(r'(\w+)(?:=|!=|=~|!~)"', rule["expr"]))
    told = set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]))
    assert (grouped | matched | told) - known == set()
    assert told <= grouped or not grouped


def test_every_fault_that_a_metric_counts_has_an_alert() -> None:
    used = {name for rule in RULES.values() for name in _metrics(rule["expr"])}
    assert used >= {
        "clicsequr_facts_age_seconds",
        "clicsequr_parked_events",
        "clicsequr_consumer_lag",
        "clicsequr_outbox_drained_timestamp_seconds",
        "clicsequr_relay_restarts_total",
        "clicsequr_http_requests_total",
        "clicsequr_sweep_failures_total",
        "clicsequr_unreadable_messages_total",
        "clicsequr_logout_deliveries_total",
        "clicsequr_breached_passwords_faults_total",
    }


def test_standbys_that_never_drain_an_outbox_do_not_alert() -> None:
    # Only the leading relay sets the gauge; every other process shows zero.
    readers = [rule for rule in RULES.values() if "clicsequr_outbox_drained_timestamp_seconds" in rule["expr"]]
    assert readers
    for rule in readers:
        assert "max by (service) (clicsequr_outbox_drained_timestamp_seconds)" in rule["expr"]


@pytest.mark.parametrize(
    ("alert", "setting"), [("FactsAgeing", "facts_warn_seconds"), ("FactsTooOld", "facts_limit_seconds")]
)
def test_an_age_that_alerts_is_the_age_that_the_services_go_by(alert: str, setting: str) -> None:
    seconds = float(RULES[alert]["expr"].rpartition(">")[2])
    assert seconds == ServiceSettings.model_fields[setting].default
    for name in manifests.workloads():
        assert f"CLICSEQUR_{setting.upper()}" not in manifests.environment(name)


def test_every_alert_has_a_page_and_every_page_an_alert() -> None:
    named = {rule["annotations"]["runbook"] for rule in RULES.values()}
    assert named == {f"docs/runbooks/{_page(alert)}" for alert in RULES}
    assert named == {str(page.relative_to(PROJECT)) for page in PAGES}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_says_what_it_means_what_to_look_at_and_what_to_do(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert page.name == _page(text.splitlines()[0].removeprefix("# "))
    for part in ("**For a business:**", "**Look at**", "**Do**"):
        assert part in text
    assert {link for link in re.findall(r"\]\(([^)]+)\)", text) if not (RUNBOOKS / link).exists()} == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_names_what_there_is(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    workloads = manifests.workloads().keys()
    assert set(re.findall(r"\b(?:deploy/|job )([a-z]+-[a-z]+)\b", text)) <= workloads
    assert _metrics(text) <= METRICS.keys()
    fields = {field for service in manifests.SERVICES for field in manifests.settings_class(service).model_fields}
    assert {name.lower() for name in re.findall(r"\bCLICSEQUR_([A-Z_]+)", text)} <= fields
    for service, command in re.findall(r"python -m services\.(\w+) ([a-z-]+)", text):
        assert command in manifests.commands(service)


def test_the_scrape_takes_the_ports_and_labels_that_the_pods_have() -> None:
    (scrape,) = yaml.safe_load((OBSERVABILITY / "prometheus.yaml").read_text(encoding="utf-8"))["scrape_configs"]
    keep, *named = scrape["relabel_configs"]
    assert {one["target_label"] for one in named} == ADDED - {"job"}
    assert scrape["job_name"] == "clicsequr"
    for name, one in manifests.of_kind("Deployment").items():
        part = manifests.labels(name)["app.kubernetes.io/part-of"]
        ports = [port["name"] for port in one["spec"]["template"]["spec"]["containers"][0]["ports"]]
        taken = [port for port in ports if re.fullmatch(keep["regex"], f"{part};{port}")]
        assert len(taken) == 1
