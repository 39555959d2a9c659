"""Who can reach whom, computed from the policies, is what the design says."""

from ipaddress import ip_network
from itertools import product
from typing import Any

import pytest

from deploy.kafka import access
from tests.deploy import manifests
from tests.deploy.kustomization import build
from tests.deploy.network import Pod, can_reach, elsewhere, may_come_in, may_go_out, of_workload

PUBLIC, INTERNAL, WORKER, POSTGRES, KAFKA = 8080, 8081, 8082, 5432, 9093
HTTPS, MAIL = 443, 587
# The synchronous arrows of the design, from api to api.
ARROWS = {
    ("registry", "auth"),
    ("delegation", "auth"),
    ("auth", "delegation"),
    ("mailbox", "delegation"),
}

INGRESS = elsewhere("ingress", namespace="ingress-nginx", app_kubernetes_io__name="ingress-nginx")
PROMETHEUS = elsewhere("prometheus", namespace="monitoring", app_kubernetes_io__name="prometheus")
STRANGERS = [
    elsewhere("stranger", namespace="default"),
    elsewhere("stranger beside prometheus", namespace="monitoring"),
    elsewhere("stranger beside the ingress", namespace="ingress-nginx"),
    elsewhere("a namesake", namespace="default", app_kubernetes_io__name="registry"),
    Pod("stranger in the namespace", frozenset({("app", "stranger")})),
]
POSTGRES_POD = Pod("postgres", frozenset({("cnpg.io/cluster", "clicsequr-postgres")}))
KAFKA_POD = Pod("kafka", frozenset({("strimzi.io/cluster", "clicsequr"), ("strimzi.io/name", "clicsequr-kafka")}))
OURS = [of_workload(name) for name in manifests.workloads()]


def _who_reach(target: Pod, port: int) -> set[str]:
    sources = [*OURS, *STRANGERS, INGRESS, PROMETHEUS, POSTGRES_POD, KAFKA_POD]
    return {source.name for source in sources if can_reach(source, target, port)}


def _callers(service: str) -> set[str]:
    """Every service's token and key calls to auth, the design's arrows, and the readers of its feed."""
    readers = {
        name
        for name, principal in access.load().principals.items()
        if f"{service}.events" in principal.read and name in manifests.SERVICES
    }
    callers = {f"{reader}-worker" for reader in readers}
    callers |= {f"{source}-api" for source, target in ARROWS if target == service}
    if service == "auth":
        callers |= {f"{one}-{role}" for one, role in product(manifests.SERVICES, ("api", "worker"))}
    return callers


@pytest.mark.parametrize("service", manifests.SERVICES)
def test_an_internal_port_is_open_to_the_designs_callers_and_to_metrics_only(service: str) -> None:
    target = of_workload(f"{service}-api")
    assert _who_reach(target, INTERNAL) == _callers(service) | {"prometheus"}


@pytest.mark.parametrize("service", manifests.SERVICES)
def test_both_ends_of_an_internal_call_say_the_same(service: str) -> None:
    target = of_workload(f"{service}-api")
    assert {pod.name for pod in OURS if may_come_in(pod, target, INTERNAL)} == _callers(service)
    assert {pod.name for pod in OURS if may_go_out(pod, target, INTERNAL)} == _callers(service)


@pytest.mark.parametrize("service", manifests.SERVICES)
def test_a_public_port_is_open_to_the_ingress_only(service: str) -> None:
    assert _who_reach(of_workload(f"{service}-api"), PUBLIC) == {"ingress"}


@pytest.mark.parametrize("service", manifests.SERVICES)
def test_a_workers_port_is_open_to_metrics_only(service: str) -> None:
    assert _who_reach(of_workload(f"{service}-worker"), WORKER) == {"prometheus"}


@pytest.mark.parametrize("name", manifests.workloads())
def test_no_other_port_of_a_pod_is_open(name: str) -> None:
    target = of_workload(name)
    assert not {port: _who_reach(target, port) for port in (22, 80, 443, 9090) if _who_reach(target, port)}


def test_the_database_is_open_to_the_services_and_its_own_instances_only() -> None:
    assert _who_reach(POSTGRES_POD, POSTGRES) == {*manifests.workloads(), "postgres"}


def test_only_workers_and_registrys_installation_may_go_out_to_kafka() -> None:
    # Strimzi writes who may come in; the listener's peers tell it.
    (listener,) = manifests.of_kind("Kafka")["clicsequr"]["spec"]["kafka"]["listeners"]
    peers = [peer["podSelector"]["matchLabels"] for peer in listener["networkPolicyPeers"]]
    wanted = {*(f"{service}-worker" for service in manifests.SERVICES), "registry-install"}
    let_in = {pod.name for pod in OURS if any(peer.items() <= dict(pod.labels).items() for peer in peers)}
    let_out = {pod.name for pod in OURS if may_go_out(pod, KAFKA_POD, KAFKA)}
    assert let_in == let_out == wanted


def _at(address: str) -> Pod:
    return Pod(address, frozenset(), "somewhere", address)


def _who_go_out_to(address: str, port: int) -> set[str]:
    return {pod.name for pod in OURS if may_go_out(pod, _at(address), port)}


def test_every_pod_may_look_up_names() -> None:
    dns = Pod("dns", frozenset({("k8s-app", "kube-dns")}), "kube-system")
    assert all(can_reach(pod, dns, 53, protocol="UDP") for pod in OURS)


@pytest.mark.parametrize("address", ["1.1.1.1", "203.0.113.7", "2606:4700::1111"])
def test_only_auths_api_reaches_the_world_and_only_by_https(address: str) -> None:
    assert _who_go_out_to(address, HTTPS) == {"auth-api"}
    for port in (22, 25, 80, MAIL, POSTGRES, 6443, INTERNAL, KAFKA):
        assert _who_go_out_to(address, port) == set()


@pytest.mark.parametrize(
    "address",
    [
        *("0.0.0.1", "10.0.0.1", "10.244.3.4", "100.64.0.1", "100.127.255.254", "127.0.0.1", "169.254.169.254"),
        *(
            "172.16.0.1",
            "172.31.255.254",
            "192.0.0.8",
            "192.168.1.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
        ),
        *("::1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "fc00::1", "fd12::1", "fe80::1", "ff02::1", "2002:a00:1::"),
    ],
)
def test_nobody_goes_out_to_an_address_that_is_not_public(address: str) -> None:
    assert _who_go_out_to(address, HTTPS) == set()


def test_the_examples_way_to_the_mail_server_is_auths_apis_alone_and_by_the_port_that_it_is_told() -> None:
    example = build(manifests.EXAMPLES[0])
    policy = manifests.of_kind("NetworkPolicy", among=example)["auth-api-to-mail"]["spec"]
    settings = manifests.of_kind("ConfigMap", among=example)["auth-settings"]["data"]
    assert [name for name in manifests.workloads() if _is_selected(policy, name)] == ["auth-api"]
    (rule,) = policy["egress"]
    assert rule["ports"] == [{"protocol": "TCP", "port": int(settings["CLICSEQUR_SMTP_PORT"])}]
    assert all(ip_network(peer["ipBlock"]["cidr"]).num_addresses == 1 for peer in rule["to"])
    assert settings.get("CLICSEQUR_SMTP_TLS", "starttls") != "none"


def _is_selected(policy: dict[str, Any], name: str) -> bool:
    wanted: dict[str, str] = policy["podSelector"]["matchLabels"]
    return wanted.items() <= manifests.labels(name).items()


def test_nothing_is_allowed_that_is_not_named() -> None:
    deny = manifests.of_kind("NetworkPolicy")["deny-what-is-not-named"]["spec"]
    assert deny == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    for name, policy in manifests.of_kind("NetworkPolicy").items():
        for rule in policy["spec"].get("ingress", ()):
            assert rule.get("from"), name
            assert rule.get("ports"), name
            # An empty peer is everybody.
            assert all(peer.get("podSelector") for peer in rule["from"]), name
