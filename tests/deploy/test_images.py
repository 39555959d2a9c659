"""The image and the trial on containers keep the rules; neither could be built where these tests run."""

import json
import re
import shlex
import subprocess
import tomllib
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from deploy.kafka import access
from deploy.local.ports import Ports
from tests.deploy import manifests
from tests.deploy.kustomization import split_image

PROJECT = Path(__file__).parents[2]
DOCKERFILE = PROJECT / "deploy/Dockerfile"
COMPOSE = PROJECT / "deploy/compose.yaml"
PREFIX = "CLICSEQUR_"
UID = "10001"


def _instructions() -> list[tuple[str, str]]:
    text = re.sub(
        r"\\\n\s*", "", re.sub(r"^\s*#.*\n", "", DOCKERFILE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    )
    return [(word, rest) for line in text.splitlines() if line for word, _, rest in [line.partition(" ")]]


def _stages() -> dict[str, list[tuple[str, str]]]:
    stages: dict[str, list[tuple[str, str]]] = {}
    for word, rest in _instructions():
        if word == "FROM":
            found = re.fullmatch(r"(\S+) AS (\S+)", rest)
            assert found, rest
            stages[found[2]] = [(word, found[1])]
        elif stages:
            list(stages.values())[-1].append((word, rest))
    return stages


STAGES = _stages()


def _chain(stage: str) -> list[tuple[str, str]]:
    """The stage's instructions after those of the stages that it begins from."""
    own = STAGES[stage]
    base = own[0][1]
    return [*(_chain(base) if base in STAGES else []), *own[1:]]


def _compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))
    return found


SERVICES: dict[str, dict[str, Any]] = _compose()["services"]
RUNNING = [name for name, one in SERVICES.items() if one["image"].startswith("clicsequr:")]


def test_the_base_is_pinned_and_is_the_oldest_python_that_the_project_supports() -> None:
    (pinned,) = [rest for word, rest in _instructions() if word == "ARG"]
    oldest = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["requires-python"]
    assert re.fullmatch(rf"PYTHON_IMAGE=python:{re.escape(oldest.removeprefix('>='))}-slim-[a-z]+", pinned)
    bases = {own[0][1] for own in STAGES.values()}
    assert bases <= {"${PYTHON_IMAGE}", *STAGES}


def test_packages_come_as_wheels_with_checked_hashes() -> None:
    installs = [rest for word, rest in _instructions() if word == "RUN" and " install " in rest]
    assert len(installs) == 2
    for install in installs:
        assert {"--require-hashes", "--only-binary=:all:"} <= set(shlex.split(install.rpartition(" install ")[2]))
    for words in ("apt-get", "gcc", "curl", "wget", "ADD "):
        assert words not in DOCKERFILE.read_text(encoding="utf-8")


def test_the_operators_packages_are_one_pinned_line_of_the_lock() -> None:
    (install,) = [rest for word, rest in STAGES["operator-packages"] if word == "RUN"]
    taking = shlex.split(install.partition(" > ")[0])
    assert taking[0] == "awk"
    lock = PROJECT / "requirements/local.txt"
    taken = subprocess.run(  # noqa: S603 - the Dockerfile's own command
        [*taking[:-1], str(lock)], capture_output=True, text=True, check=True
    ).stdout
    assert re.fullmatch(r"kafka-python==[\d.]+( \\\n +--hash=sha256:[0-9a-f]{64})+\n", taken)


def test_every_path_that_is_copied_is_there_and_reaches_the_build() -> None:
    allowed = (PROJECT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert allowed[0] == "*"
    for stage in STAGES.values():
        for word, rest in stage:
            if word == "COPY" and not rest.startswith("--from="):
                source = rest.split()[0]
                assert (PROJECT / source).exists(), source
                assert f"!{source}" in allowed, source
    for line in allowed:
        assert not line.startswith("!") or (PROJECT / line[1:]).exists(), line


@pytest.mark.parametrize("stage", ["service", "operations"])
def test_what_runs_is_nobody_in_particular_and_can_install_nothing(stage: str) -> None:
    steps = _chain(stage)
    users = [rest for word, rest in steps if word == "USER"]
    assert users == [f"{UID}:{UID}"]
    assert not [rest for word, rest in steps[steps.index(("USER", users[0])) :] if word == "RUN"]
    assert any(word == "RUN" and "pip uninstall" in rest for word, rest in steps)
    assert not any(word == "RUN" and " install " in rest for word, rest in steps)


def test_the_image_of_the_services_knows_nothing_of_how_it_is_deployed() -> None:
    copied = {rest.split()[0] for word, rest in _chain("service") if word == "COPY"}
    assert copied == {"libs", "services", "--from=packages"}
    assert list(STAGES)[-1] == "service"
    assert json.loads(dict(_chain("service"))["ENTRYPOINT"]) == ["python", "-m"]


def test_the_image_runs_as_the_account_that_the_pods_name() -> None:
    (users,) = {manifests.pod(name)["securityContext"]["runAsUser"] for name in manifests.workloads()}
    assert str(users) == UID


def test_the_trial_says_first_that_it_was_never_tried() -> None:
    assert COMPOSE.read_text(encoding="utf-8").startswith("# Never tried:")


def test_no_image_of_the_trial_floats_and_kafka_is_the_one_of_the_cluster() -> None:
    tags = dict(split_image(one["image"]) for one in SERVICES.values())
    brokers = manifests.of_kind("Kafka")["clicsequr"]["spec"]["kafka"]
    cluster = manifests.of_kind("Cluster")["clicsequr-postgres"]["spec"]
    assert tags["apache/kafka"] == brokers["version"]
    assert cluster["imageName"].partition(":")[2].startswith(f"{tags['postgres']}-")
    assert {tags["clicsequr"], tags["clicsequr-operations"]} == {
        manifests.only_container("auth-api")["image"].rpartition(":")[2]
    }


@pytest.mark.parametrize("name", [name for name in SERVICES if "build" in SERVICES[name]])
def test_the_trial_builds_stages_that_there_are_and_gives_them_no_rights(name: str) -> None:
    one = SERVICES[name]
    build = one["build"]
    assert (COMPOSE.parent / build["context"]).resolve() == PROJECT
    assert (COMPOSE.parent / build["context"] / build["dockerfile"]).resolve() == DOCKERFILE
    assert build["target"] in STAGES
    assert one["read_only"]
    assert one["cap_drop"] == ["ALL"]
    assert one["security_opt"] == ["no-new-privileges:true"]
    assert one.get("user") is None or name == "key-folder"


@pytest.mark.parametrize("name", RUNNING)
def test_the_trial_gives_each_service_what_it_reads(name: str) -> None:
    module, command, *_ = SERVICES[name]["command"]
    service = module.removeprefix("services.")
    assert command in manifests.commands(service)
    fields = manifests.settings_class(service).model_fields
    given = {key.removeprefix(PREFIX).lower() for key in SERVICES[name]["environment"]}
    assert given - fields.keys() == set()
    assert {field for field, one in fields.items() if one.is_required()} - given == set()


@pytest.mark.parametrize("name", RUNNING)
def test_addresses_of_the_trial_lead_somewhere(name: str) -> None:
    given = SERVICES[name]["environment"]
    service = SERVICES[name]["command"][0].removeprefix("services.")
    for other in manifests.SERVICES:
        address = urlsplit(given[f"{PREFIX}{other.upper()}_INTERNAL_URL"])
        target = SERVICES[address.hostname or ""]
        assert str(address.port) == target["environment"][f"{PREFIX}INTERNAL_PORT"]
    assert given[f"{PREFIX}PUBLIC_URL"] == f"http://127.0.0.1:{Ports().public(service)}"
    assert given[f"{PREFIX}PUBLIC_PORT"] == str(Ports().public(service))
    owner = urlsplit(given.get(f"{PREFIX}DATABASE_OWNER_URL", ""))
    assert bool(owner.username) == (SERVICES[name]["command"][1] == "migrate")


def test_what_the_trial_mounts_and_waits_for_is_there() -> None:
    volumes = _compose()["volumes"].keys()
    for one in SERVICES.values():
        for mount in one.get("volumes", ()):
            source = mount.split(":")[0]
            assert source in volumes or (COMPOSE.parent / source).exists(), source
        assert one.get("depends_on", {}).keys() <= SERVICES.keys()


def _waited_for(name: str) -> set[str]:
    direct = set(SERVICES[name].get("depends_on", {}))
    return direct.union(*(_waited_for(one) for one in direct))


@pytest.mark.parametrize("name", RUNNING)
def test_the_trial_gives_keys_to_those_that_read_them_once_they_are_made(name: str) -> None:
    mounts = {mount.split(":")[0] for mount in SERVICES[name].get("volumes", ())}
    assert ("keys" in mounts) == (not name.endswith("-migrate") and name != "registry-install")
    assert "keys" not in mounts or "keys" in _waited_for(name)


def test_the_trial_installs_departments_once_their_topics_are_there() -> None:
    assert "topics" in _waited_for("registry-install")


def test_the_trial_is_reached_from_its_own_machine_only() -> None:
    published = [port for one in SERVICES.values() for port in one.get("ports", ())]
    assert len(published) == len(manifests.SERVICES)
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_the_trial_gives_every_kafka_principal_a_password() -> None:
    (script,) = SERVICES["topics"]["command"]
    named = re.search(r"for principal in ([a-z -]+);", script)
    assert named
    assert named[1].split() == list(access.load().principals)
