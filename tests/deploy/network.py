"""NetworkPolicies as Kubernetes reads them: who can reach which port of which pod."""

from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Any

from tests.deploy import manifests

NAMESPACE = "clicsequr"


@dataclass(frozen=True)
class Pod:
    name: str
    labels: frozenset[tuple[str, str]]
    namespace: str = NAMESPACE
    address: str | None = None


def of_workload(name: str) -> Pod:
    return Pod(name, frozenset(manifests.labels(name).items()))


def elsewhere(name: str, *, namespace: str, **labels: str) -> Pod:
    dotted = {key.replace("__", "/").replace("_", "."): text for key, text in labels.items()}
    return Pod(name, frozenset(dotted.items()), namespace)


def can_reach(source: Pod, target: Pod, port: int, *, protocol: str = "TCP") -> bool:
    """Both ends must let it through; pods of other namespaces have no egress policy of ours."""
    return may_come_in(source, target, port, protocol=protocol) and may_go_out(
        source, target, port, protocol=protocol
    )


def may_come_in(source: Pod, target: Pod, port: int, *, protocol: str = "TCP") -> bool:
    return _allows("Ingress", target, source, port=port, protocol=protocol)


def may_go_out(source: Pod, target: Pod, port: int, *, protocol: str = "TCP") -> bool:
    return _allows("Egress", source, target, port=port, protocol=protocol)


def _allows(direction: str, subject: Pod, other: Pod, *, port: int, protocol: str) -> bool:
    if subject.namespace != NAMESPACE:
        return True
    policies = [
        one["spec"]
        for one in manifests.of_kind("NetworkPolicy").values()
        if direction in one["spec"]["policyTypes"] and _selects(one["spec"]["podSelector"], subject.labels)
    ]
    way, end = ("ingress", "from") if direction == "Ingress" else ("egress", "to")
    return not policies or any(
        _has_port(rule, port=port, protocol=protocol) and _has_peer(rule, end, other)
        for policy in policies
        for rule in policy.get(way, ())
    )


def _has_port(rule: dict[str, Any], *, port: int, protocol: str) -> bool:
    return not rule.get("ports") or any(
        (one.get("protocol", "TCP"), one.get("port")) in {(protocol, port), (protocol, None)}
        for one in rule["ports"]
    )


def _has_peer(rule: dict[str, Any], end: str, other: Pod) -> bool:
    return not rule.get(end) or any(_is_peer(peer, other) for peer in rule[end])


def _is_peer(peer: dict[str, Any], other: Pod) -> bool:
    if "ipBlock" in peer:
        return other.address is not None and _is_in_block(other.address, peer["ipBlock"])
    place = frozenset({("kubernetes.io/metadata.name", other.namespace)})
    if "namespaceSelector" in peer:
        is_there = _selects(peer["namespaceSelector"], place)
    else:
        is_there = other.namespace == NAMESPACE
    return is_there and _selects(peer.get("podSelector", {}), other.labels)


def _is_in_block(address: str, block: dict[str, Any]) -> bool:
    found = ip_address(address)
    left_out = any(found in ip_network(one) for one in block.get("except", ()))
    return found in ip_network(block["cidr"]) and not left_out


def _selects(selector: dict[str, Any], labels: frozenset[tuple[str, str]]) -> bool:
    here = dict(labels)
    for wanted in selector.get("matchExpressions", ()):
        if wanted["operator"] != "In":
            raise ValueError(f"{wanted['operator']} is not read here")
        if here.get(wanted["key"]) not in wanted["values"]:
            return False
    wanted_labels: dict[str, str] = selector.get("matchLabels", {})
    return wanted_labels.items() <= here.items()
