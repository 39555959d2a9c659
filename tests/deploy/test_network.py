"""Who can reach whom, computed from the policies, is what the design says."""

from itertools import product

import pytest

from deploy.kafka import access
from tests.deploy import manifests
from tests.deploy.network import Pod, can_reach, elsewhere, may_come_in, may_go_out, of_workload

PUBLIC, INTERNAL, WORKER, POSTGRES, KAFKA = 8080, 8081, 8082, 5432, 9093
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


def test_every_pod_may_look_up_names_and_no_service_reaches_the_world() -> None:
    dns = Pod("dns", frozenset({("k8s-app", "kube-dns")}), "kube-system")
    world = Pod("world", frozenset(), "somewhere")
    for pod in OURS:
        assert can_reach(pod, dns, 53, protocol="UDP")
        assert not any(may_go_out(pod, world, port) for port in (80, 443, 6443))


def test_nothing_is_allowed_that_is_not_named() -> None:
    deny = manifests.of_kind("NetworkPolicy")["deny-what-is-not-named"]["spec"]
    assert deny == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    for name, policy in manifests.of_kind("NetworkPolicy").items():
        for rule in policy["spec"].get("ingress", ()):
            assert rule.get("from"), name
            assert rule.get("ports"), name
            # An empty peer is everybody.
            assert all(peer.get("podSelector") for peer in rule["from"]), name
