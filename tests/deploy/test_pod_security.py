"""Pod Security Standards, level restricted, field by field; and the stricter habits of these manifests."""

from typing import Any

import pytest

from tests.deploy import manifests
from tests.deploy.kustomization import Manifest, containers

ALLOWED_VOLUMES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
}
NOT_ROOT = 10_001


def _secured(name: str) -> list[Manifest]:
    return list(containers(manifests.workloads()[name]))


def _every(name: str, key: str) -> list[Any]:
    """The pod's setting, or a container's own where it has one."""
    pod = manifests.pod(name)["securityContext"].get(key)
    return [container["securityContext"].get(key, pod) for container in _secured(name)]


def test_the_namespace_enforces_the_restricted_level() -> None:
    labels = manifests.of_kind("Namespace")["clicsequr"]["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


@pytest.mark.parametrize("name", manifests.workloads())
def test_a_pod_shares_nothing_with_its_host(name: str) -> None:
    pod = manifests.pod(name)
    assert not pod.keys() & {"hostNetwork", "hostPID", "hostIPC", "hostUsers"}
    for container in _secured(name):
        assert not container["securityContext"].get("privileged")
        assert all("hostPort" not in port for port in container.get("ports", ()))
        assert "procMount" not in container["securityContext"]
    assert not pod["securityContext"].get("sysctls")
    for volume in pod["volumes"]:
        assert volume.keys() - {"name"} <= ALLOWED_VOLUMES


@pytest.mark.parametrize("name", manifests.workloads())
def test_a_pod_runs_as_a_person_without_rights(name: str) -> None:
    assert all(_every(name, "runAsNonRoot"))
    assert set(_every(name, "runAsUser")) == {NOT_ROOT}
    assert {one["type"] for one in _every(name, "seccompProfile")} == {"RuntimeDefault"}
    for container in _secured(name):
        security = container["securityContext"]
        assert security["allowPrivilegeEscalation"] is False
        assert security["capabilities"] == {"drop": ["ALL"]}


@pytest.mark.parametrize("name", manifests.workloads())
def test_a_pod_writes_to_its_own_tmp_only(name: str) -> None:
    writable = [mount for mount in manifests.only_container(name)["volumeMounts"] if not mount.get("readOnly")]
    assert writable == [{"name": "tmp", "mountPath": "/tmp"}]  # noqa: S108 - a folder of the pod's own
    assert all(container["securityContext"]["readOnlyRootFilesystem"] for container in _secured(name))


@pytest.mark.parametrize("name", manifests.workloads())
def test_a_pod_holds_no_key_to_the_cluster(name: str) -> None:
    assert manifests.pod(name)["automountServiceAccountToken"] is False
    assert manifests.pod(name)["enableServiceLinks"] is False


def test_the_pods_of_kafka_are_restricted_too() -> None:
    kafka = manifests.of_kind("Kafka")["clicsequr"]["spec"]
    templates = [one["spec"]["template"] for one in manifests.of_kind("KafkaNodePool").values()]
    for template in [*templates, kafka["entityOperator"]["template"]]:
        for part, content in template.items():
            security = content["securityContext"]
            if part == "pod":
                assert security == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
            else:
                assert security == {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
