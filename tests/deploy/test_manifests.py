"""Every object is one that Kubernetes, Strimzi or CloudNativePG understands, and what it names is there."""

import re
import ssl
import tomllib
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from pydantic import ValidationError

from deploy.kafka import access, strimzi
from deploy.local import databases
from services.auth import by_get
from tests.deploy import manifests
from tests.deploy.custom_resources import SHAPES
from tests.deploy.kustomization import KUBERNETES, FeatureNotUnderstood, Manifest, build, identity

OLDEST, NEWEST = "1.32", "1.37"
PROJECT = Path(__file__).parents[2]
README = (KUBERNETES / "README.md").read_text(encoding="utf-8")
CIPHERS = ("AES128-GCM-SHA256", "AES256-GCM-SHA384")
CONFIGURED_BY_THE_OPERATOR = {"clicsequr-installation"}


def _called(manifest: Manifest) -> str:
    return "/".join(identity(manifest)[1:])


def _is_custom(manifest: Manifest) -> bool:
    return identity(manifest)[:2] in SHAPES


ALL = [*manifests.everything(), *(one for folder in manifests.EXAMPLES for one in build(folder))]
CORE = [one for one in ALL if not _is_custom(one)]
CUSTOM = [one for one in ALL if _is_custom(one)]


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
@pytest.mark.parametrize("manifest", CORE, ids=_called)
def test_kubernetes_understands_every_field(manifest: Manifest, version: str) -> None:
    kubernetes_validate.validate(manifest, version, strict=True)


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_a_misspelt_field_of_kubernetes_is_refused(version: str) -> None:
    found = next(one for one in CORE if one["kind"] == "Deployment")
    misspelt = {**found, "spec": {**found["spec"], "replicaz": 2}}
    with pytest.raises(kubernetes_validate.ValidationError, match="replicaz"):
        kubernetes_validate.validate(misspelt, version, strict=True)


@pytest.mark.parametrize("manifest", CUSTOM, ids=_called)
def test_the_operators_understand_every_field(manifest: Manifest) -> None:
    assert manifest.keys() == {"apiVersion", "kind", "metadata", "spec"}
    SHAPES[identity(manifest)[:2]].model_validate(manifest["spec"])


def test_a_misspelt_field_of_an_operator_is_refused() -> None:
    cluster = manifests.of_kind("Cluster")["clicsequr-postgres"]
    misspelt = {**cluster["spec"], "enableSuperUserAccess": False}
    with pytest.raises(ValidationError, match="enableSuperUserAccess"):
        SHAPES[identity(cluster)[:2]].model_validate(misspelt)


def test_a_feature_that_is_not_built_here_is_refused(tmp_path: Path) -> None:
    (tmp_path / "kustomization.yaml").write_text("resources: []\nnameSuffix: -x\n")
    with pytest.raises(FeatureNotUnderstood, match="nameSuffix"):
        build(tmp_path)


def test_no_two_objects_share_a_name() -> None:
    names = [identity(one) for one in manifests.everything()]
    assert sorted(names) == sorted(set(names))


def test_every_object_is_in_the_one_namespace_and_says_what_it_is_part_of() -> None:
    for one in manifests.everything():
        assert one["kind"] == "Namespace" or one["metadata"]["namespace"] == "clicsequr", identity(one)
        is_generated = one["kind"] in {"KafkaTopic", "KafkaUser"}
        assert is_generated or one["metadata"]["labels"]["app.kubernetes.io/part-of"] == "clicsequr", identity(one)


def test_the_committed_topics_and_users_are_those_of_the_access_catalogue() -> None:
    committed = (manifests.BASE / "kafka/access.yaml").read_text(encoding="utf-8")
    assert committed == strimzi.render(access.load(), cluster="clicsequr"), (
        "python -m deploy.kafka render > deploy/kubernetes/base/kafka/access.yaml"
    )


def test_every_service_has_its_objects() -> None:
    for service in manifests.SERVICES:
        for role in ("api", "worker"):
            assert manifests.of_kind("Deployment")[f"{service}-{role}"]["spec"]["replicas"] >= 2
            assert f"{service}-{role}" in manifests.of_kind("PodDisruptionBudget")
        assert f"{service}-migrate" in manifests.of_kind("Job")
        assert {service, f"{service}-internal"} <= manifests.of_kind("Service").keys()
        assert manifests.of_kind("ServiceAccount")[service]["automountServiceAccountToken"] is False


def test_selectors_find_the_pods_they_are_meant_for() -> None:
    found = {name: manifests.labels(name).items() for name in manifests.workloads()}
    for kind in ("Deployment", "PodDisruptionBudget"):
        for name, one in manifests.of_kind(kind).items():
            wanted = one["spec"]["selector"]["matchLabels"].items()
            assert [pod for pod, labels in found.items() if wanted <= labels] == [name]
    for name, one in manifests.of_kind("Service").items():
        wanted = one["spec"]["selector"].items()
        pods = [pod for pod, labels in found.items() if wanted <= labels]
        assert pods == [f"{name.removesuffix('-internal')}-api"]


@pytest.mark.parametrize("name", manifests.workloads())
def test_pods_spread_and_bound_what_they_use(name: str) -> None:
    container = manifests.only_container(name)
    assert container["resources"]["requests"].keys() == {"cpu", "memory"}
    assert container["resources"]["limits"].keys() == {"cpu", "memory"}
    if manifests.workloads()[name]["kind"] == "Deployment":
        spread = manifests.pod(name)["topologySpreadConstraints"]
        assert {one["topologyKey"] for one in spread} == {"topology.kubernetes.io/zone", "kubernetes.io/hostname"}
        for one in spread:
            assert one["labelSelector"]["matchLabels"].items() <= manifests.labels(name).items()


@pytest.mark.parametrize("name", manifests.of_kind("Deployment"))
def test_health_is_asked_on_the_port_that_is_never_routed(name: str) -> None:
    container = manifests.only_container(name)
    port = {"api": "internal", "worker": "worker"}[manifests.component_of(name)]
    assert port in {one["name"] for one in container["ports"]}
    for probe, path in {"startup": "live", "liveness": "live", "readiness": "ready"}.items():
        assert container[f"{probe}Probe"]["httpGet"] == {"path": f"/health/{path}", "port": port}


def test_what_a_pod_names_is_there() -> None:
    accounts, maps = manifests.of_kind("ServiceAccount"), manifests.of_kind("ConfigMap")
    for name in manifests.workloads():
        pod, container = manifests.pod(name), manifests.only_container(name)
        assert pod["serviceAccountName"] in accounts
        assert {one["configMapRef"]["name"] for one in container["envFrom"]} <= maps.keys()
        assert {one["name"] for one in container["volumeMounts"]} == {one["name"] for one in pod["volumes"]}
        sources = [
            source for volume in pod["volumes"] for source in volume.get("projected", {}).get("sources", ())
        ]
        named = {source["configMap"]["name"] for source in sources if "configMap" in source}
        assert named <= maps.keys() | CONFIGURED_BY_THE_OPERATOR


def test_no_manifest_holds_a_secret_and_the_readme_names_each() -> None:
    assert not manifests.of_kind("Secret", among=ALL)
    named = {(secret, key) for name in manifests.workloads() for secret, key, _ in manifests.mounted_secrets(name)}
    named |= {one for name in manifests.workloads() for one in manifests.secret_variables(name).values()}
    roles = manifests.of_kind("Cluster")["clicsequr-postgres"]["spec"]["managed"]["roles"]
    named |= {(role["passwordSecret"]["name"], "password") for role in roles}
    rows = re.findall(r"^\| `([^`]+)` \| ([^|]+) \|", README, re.MULTILINE)
    told = {(secret, key) for secret, keys in rows for key in re.findall(r"`([^`]+)`", keys)}
    assert named - told == set()


def test_one_tag_names_the_release_and_no_image_floats() -> None:
    images = {manifests.only_container(name)["image"] for name in manifests.workloads()}
    version = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert images == {f"clicsequr:{version}"}
    for path in KUBERNETES.rglob("*.yaml"):
        assert not re.search(r"image(Name)?:.*:latest|newTag: latest", path.read_text(encoding="utf-8")), path


def test_kafka_is_the_release_that_the_tests_run_against() -> None:
    lock = tomllib.loads((PROJECT / "deploy/local/kafka.lock.toml").read_text(encoding="utf-8"))
    (tested,) = [one["version"] for one in lock["dependencies"] if one["artifactId"] == "kafka_2.13"]
    brokers = manifests.of_kind("Kafka")["clicsequr"]["spec"]["kafka"]
    assert brokers["version"] == tested
    assert brokers["metadataVersion"].startswith(tested.rpartition(".")[0])


def test_kafka_loses_no_acknowledged_event_with_one_broker() -> None:
    pools = manifests.of_kind("KafkaNodePool")
    assert {name: pools[name]["spec"]["replicas"] for name in pools} == {"controller": 3, "broker": 3}
    config = manifests.of_kind("Kafka")["clicsequr"]["spec"]["kafka"]["config"]
    assert config["auto.create.topics.enable"] is False
    assert (config["default.replication.factor"], config["min.insync.replicas"]) == (3, 2)


def test_postgres_has_the_databases_and_roles_of_the_services_and_lets_each_into_its_own() -> None:
    cluster = manifests.of_kind("Cluster")["clicsequr-postgres"]["spec"]
    assert re.search(r":18\.\d+", cluster["imageName"])
    assert [role["name"] for role in cluster["managed"]["roles"]] == databases.roles()
    found = {name: one["spec"] for name, one in manifests.of_kind("Database").items()}
    assert {name: one["owner"] for name, one in found.items()} == {
        service: databases.owner(service) for service in databases.SERVICES
    }
    assert cluster["postgresql"]["pg_hba"] == [
        *(
            f"hostssl {service} {databases.owner(service)},{databases.app(service)} all scram-sha-256"
            for service in databases.SERVICES
        ),
        "host all all all reject",
    ]


def test_the_connections_of_all_pods_fit_the_server() -> None:
    parameters = manifests.of_kind("Cluster")["clicsequr-postgres"]["spec"]["postgresql"]["parameters"]
    used = 0
    for name, one in manifests.of_kind("Deployment").items():
        fields = manifests.settings_class(manifests.service_of(name)).model_fields
        # One replica more while a release rolls out, and the relay's own connection.
        used += (one["spec"]["replicas"] + 1) * (fields["database_pool_size"].default + 1)
    assert used < int(parameters["max_connections"])


def test_the_example_leaves_no_placeholder_and_routes_public_services_only() -> None:
    example = build(manifests.EXAMPLES[0])
    assert ".invalid" not in yaml.safe_dump(example)
    maps = manifests.of_kind("ConfigMap", among=example)
    (ingress,) = manifests.of_kind("Ingress", among=example).values()
    routed = {rule["host"]: _backend(rule) for rule in ingress["spec"]["rules"]}
    for service in manifests.SERVICES:
        host = maps[f"{service}-settings"]["data"]["CLICSEQUR_PUBLIC_URL"].removeprefix("https://")
        assert routed.pop(host) == (service, "public")
    assert not routed
    assert (
        maps["clicsequr-settings"]["data"]["CLICSEQUR_ISSUER"]
        == maps["auth-settings"]["data"]["CLICSEQUR_PUBLIC_URL"]
    )


def test_the_example_speaks_tls_as_financial_grade_clients_demand() -> None:
    """RFC 9325 §4.2, FAPI 2.0 §5.2.2: what OpenSSL makes of the list, so that a misspelt name does not pass."""
    (ingress,) = manifests.of_kind("Ingress", among=build(manifests.EXAMPLES[0])).values()
    annotations = ingress["metadata"]["annotations"]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers(annotations["nginx.ingress.kubernetes.io/ssl-ciphers"])
    offered = {one["name"] for one in context.get_ciphers() if one["protocol"] == "TLSv1.2"}
    assert offered == {f"ECDHE-{key}-{cipher}" for key in ("ECDSA", "RSA") for cipher in CIPHERS}
    assert annotations["nginx.ingress.kubernetes.io/force-ssl-redirect"] == "true"
    hosts = {host for one in ingress["spec"]["tls"] for host in one["hosts"]}
    assert hosts == {rule["host"] for rule in ingress["spec"]["rules"]}


def test_the_example_lets_the_longest_answer_through_and_bounds_what_one_address_asks() -> None:
    (ingress,) = manifests.of_kind("Ingress", among=build(manifests.EXAMPLES[0])).values()
    annotations = ingress["metadata"]["annotations"]
    kibibytes = int(annotations["nginx.ingress.kubernetes.io/proxy-buffer-size"].removesuffix("k"))
    assert kibibytes * 1024 >= 2 * by_get.ADDRESS_BYTES
    readme = (KUBERNETES / "README.md").read_text(encoding="utf-8")
    for limit in ("limit-rps", "limit-connections"):
        assert int(annotations[f"nginx.ingress.kubernetes.io/{limit}"]) > 0
        assert f"`{limit}`" in readme


def _backend(rule: dict[str, Any]) -> tuple[str, str]:
    (path,) = rule["http"]["paths"]
    service = path["backend"]["service"]
    return service["name"], service["port"]["name"]


def test_every_service_is_reachable_inside_the_cluster_only() -> None:
    assert {one["spec"]["type"] for one in manifests.of_kind("Service").values()} == {"ClusterIP"}
    assert not manifests.of_kind("Ingress")
