"""What a pod is given is what its service reads, and each secret goes only where it belongs."""

import base64
from ipaddress import ip_network
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from deploy.kafka import access
from deploy.local.commands import INSTALLED
from libs.common.settings import ServiceSettings
from tests.deploy import manifests
from tests.deploy.kustomization import build

PREFIX = "CLICSEQUR_"
SERVING = ("api", "worker")
KEY = base64.b64encode(bytes(32)).decode()

WORKLOADS = list(manifests.workloads())
SERVERS = [name for name in WORKLOADS if manifests.component_of(name) in SERVING]
WORKERS = [name for name in SERVERS if manifests.component_of(name) == "worker"]
# registry's installation asks whether the departments' topics exist.
KNOWN_TO_KAFKA = [*SERVERS, "registry-install"]
PAIRWISE_READERS = {"auth-api", "auth-install", "registry-worker", "delegation-api", "delegation-worker"}
OF_AUTHS_ACCOUNTS = {"auth-api", "auth-install"}


def _fields(name: str) -> dict[str, str]:
    found = manifests.environment(name)
    return {key.removeprefix(PREFIX).lower(): text for key, text in found.items() if key.startswith(PREFIX)}


def _settings(name: str, patch: pytest.MonkeyPatch, folder: Path) -> ServiceSettings:
    for key, text in manifests.environment(name).items():
        is_key = key.endswith("_KEY_FILE")
        patch.setenv(key, str(folder / Path(text).name) if is_key else text)
    for secret, _, path in manifests.mounted_secrets(name):
        if secret.endswith("-keys"):
            (folder / Path(path).name).write_text(KEY)
    return manifests.settings_class(manifests.service_of(name))()


@pytest.mark.parametrize("name", WORKLOADS)
def test_every_variable_is_one_that_the_service_reads(name: str) -> None:
    fields = manifests.settings_class(manifests.service_of(name)).model_fields.keys()
    assert _fields(name).keys() - fields == set()


@pytest.mark.parametrize("name", WORKLOADS)
def test_a_variable_of_another_name_only_serves_a_later_one(name: str) -> None:
    variables = manifests.only_container(name)["env"]
    texts = " ".join(variable.get("value", "") for variable in variables)
    for variable in variables:
        assert variable["name"].startswith(PREFIX) or f"$({variable['name']})" in texts


@pytest.mark.parametrize("name", WORKLOADS)
def test_every_required_setting_is_given(name: str) -> None:
    fields = manifests.settings_class(manifests.service_of(name)).model_fields
    required = {field for field, described in fields.items() if described.is_required()}
    assert required - _fields(name).keys() == set()


@pytest.mark.parametrize("name", WORKLOADS)
def test_a_service_accepts_what_its_pod_is_given(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings = _settings(name, monkeypatch, tmp_path)
    assert settings.listen_host == "0.0.0.0"  # noqa: S104 - a pod has an address of its own
    assert urlsplit(settings.issuer).scheme == "https"
    assert urlsplit(settings.public_url).scheme == "https"


@pytest.mark.parametrize("name", WORKERS)
def test_a_worker_finds_every_key_that_its_handlers_read(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings = _settings(name, monkeypatch, tmp_path)
    assert manifests.definition(manifests.service_of(name)).handlers(settings)


@pytest.mark.parametrize("name", WORKLOADS)
def test_a_pod_runs_a_command_that_its_service_has(name: str) -> None:
    module, command, *_ = manifests.only_container(name)["args"]
    service = manifests.service_of(name)
    assert module == f"services.{service}"
    assert command == manifests.component_of(name)
    assert command in manifests.commands(service)


def test_the_installation_is_read_by_the_services_that_have_a_part_in_it() -> None:
    installed = {manifests.service_of(name) for name in WORKLOADS if manifests.component_of(name) == "install"}
    assert installed == set(INSTALLED)


@pytest.mark.parametrize("name", SERVERS)
def test_ports_are_those_that_the_servers_bind(name: str) -> None:
    wanted = {"api": {"public", "internal"}, "worker": {"worker"}}[manifests.component_of(name)]
    ports = {one["name"]: one["containerPort"] for one in manifests.only_container(name)["ports"]}
    assert ports == {port: int(_fields(name)[f"{port}_port"]) for port in wanted}


@pytest.mark.parametrize("name", WORKLOADS)
def test_internal_addresses_are_those_of_the_internal_services(name: str) -> None:
    services = manifests.of_kind("Service")
    for service in manifests.SERVICES:
        address = urlsplit(_fields(name)[f"{service}_internal_url"])
        found = services[address.hostname or ""]
        assert found["metadata"]["labels"]["app.kubernetes.io/name"] == service
        assert found["spec"]["ports"] == [{"name": "internal", "port": address.port, "targetPort": "internal"}]


@pytest.mark.parametrize("name", WORKLOADS)
def test_a_database_address_names_the_services_own_database_role_and_secret(name: str) -> None:
    service = manifests.service_of(name)
    roles = {
        role["name"]: role["passwordSecret"]["name"]
        for role in manifests.of_kind("Cluster")["clicsequr-postgres"]["spec"]["managed"]["roles"]
    }
    texts = {one["name"]: one.get("value", "") for one in manifests.only_container(name)["env"]}
    secrets = manifests.secret_variables(name)
    for variable in (one for one in texts if one.startswith(f"{PREFIX}DATABASE_")):
        address = urlsplit(texts[variable])
        role = f"{service}_owner" if "OWNER" in variable else f"{service}_app"
        assert (address.username, address.path) == (role, f"/{service}")
        assert address.hostname == "clicsequr-postgres-rw"
        password = (address.password or "").removeprefix("$(").removesuffix(")")
        assert secrets[password] == (roles[role], "password")
        given = parse_qs(address.query)
        assert given["sslmode"] == ["verify-full"]
        assert given["sslrootcert"][0] in {path for _, _, path in manifests.mounted_secrets(name)}


def test_only_migrate_knows_an_owners_password() -> None:
    holders = {
        name
        for name in WORKLOADS
        for secret, _ in manifests.secret_variables(name).values()
        if secret.endswith("-owner")
    }
    assert holders == {f"{service}-migrate" for service in manifests.SERVICES}


@pytest.mark.parametrize("name", WORKERS)
def test_a_relay_has_a_direct_connection(name: str) -> None:
    assert urlsplit(_fields(name)["database_direct_url"]).hostname == "clicsequr-postgres-rw"


@pytest.mark.parametrize("name", KNOWN_TO_KAFKA)
def test_kafka_is_reached_over_tls_by_the_services_own_principal(name: str) -> None:
    fields = _fields(name)
    principal = fields["kafka_username"]
    assert principal == manifests.service_of(name)
    assert principal in access.load().principals
    # Strimzi puts a user's password into a secret of the user's name.
    assert manifests.secret_variables(name)[f"{PREFIX}KAFKA_PASSWORD"] == (principal, "password")
    (listener,) = manifests.of_kind("Kafka")["clicsequr"]["spec"]["kafka"]["listeners"]
    assert fields["kafka_bootstrap"] == f"clicsequr-kafka-bootstrap:{listener['port']}"
    files = {path: secret for secret, _, path in manifests.mounted_secrets(name)}
    assert files[fields["kafka_ca_file"]] == "clicsequr-cluster-ca-cert"


def test_no_other_pod_holds_a_kafka_password() -> None:
    holders = {name for name in WORKLOADS if f"{PREFIX}KAFKA_PASSWORD" in manifests.secret_variables(name)}
    assert holders == set(KNOWN_TO_KAFKA)


@pytest.mark.parametrize("name", WORKLOADS)
def test_a_pod_sees_the_key_files_that_it_reads_where_its_settings_look_for_them(name: str) -> None:
    read = {
        "client_key_file": name in SERVERS,
        "pairwise_key_file": name in PAIRWISE_READERS,
        "sealing_key_file": name in OF_AUTHS_ACCOUNTS,
        "pepper_key_file": name in OF_AUTHS_ACCOUNTS,
    }
    service = manifests.service_of(name)
    keys = {path for secret, _, path in manifests.mounted_secrets(name) if secret == f"{service}-keys"}
    assert keys == {_fields(name)[field] for field, is_read in read.items() if is_read}
    own = {field for field in manifests.settings_class(service).model_fields if field.endswith("_key_file")}
    assert own <= read.keys()


@pytest.mark.parametrize("name", WORKLOADS)
def test_no_pod_sees_another_services_secrets(name: str) -> None:
    service = manifests.service_of(name)
    others = set(manifests.SERVICES) - {service}
    named = {secret for secret, _, _ in manifests.mounted_secrets(name)}
    named |= {secret for secret, _ in manifests.secret_variables(name).values()}
    assert not {secret for secret in named for other in others if other in secret.split("-")}


def test_the_authorities_private_keys_stay_where_they_are() -> None:
    for name in WORKLOADS:
        for volume in manifests.pod(name)["volumes"]:
            if volume["name"] == "ca":
                items = [source["secret"]["items"] for source in volume["projected"]["sources"]]
                assert all(item["key"] == "ca.crt" for group in items for item in group)


def test_the_example_believes_the_forwarding_header_of_one_network_that_can_be_read() -> None:
    maps = manifests.of_kind("ConfigMap", among=build(manifests.EXAMPLES[0]))
    named = maps["clicsequr-settings"]["data"][f"{PREFIX}TRUSTED_PROXIES"]
    # uvicorn ignores what it cannot read, such as a network with bits beyond its length.
    networks = [ip_network(one.strip()) for one in named.split(",")]
    assert all(one.is_private and one.prefixlen >= 8 for one in networks)


@pytest.mark.parametrize("name", WORKLOADS)
def test_the_base_trusts_no_forwarding_header_and_keeps_the_limits_of_the_service(name: str) -> None:
    fields = _fields(name)
    assert "trusted_proxies" not in fields
    assert not [field for field in fields if field.endswith(("_per_network", "_in_all"))]
