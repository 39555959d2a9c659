"""What the built manifests say, found by what one looks for."""

import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path

from libs.common.service import PARKED, Service
from libs.common.settings import ServiceSettings
from tests.deploy.kustomization import KUBERNETES, Manifest, build, containers

SERVICES = ("auth", "registry", "delegation", "mailbox")
BASE = KUBERNETES / "base"
INSTALLATION = KUBERNETES / "installation"
EXAMPLES = (KUBERNETES / "overlays/example", KUBERNETES / "overlays/example/installation")
SECRET = "of-the-secret"
REFERENCE = re.compile(r"\$\(([A-Z_]+)\)")


@cache
def base() -> list[Manifest]:
    return build(BASE)


@cache
def everything() -> list[Manifest]:
    return [*base(), *build(INSTALLATION)]


def of_kind(kind: str, *, among: list[Manifest] | None = None) -> dict[str, Manifest]:
    found = base() if among is None else among
    return {one["metadata"]["name"]: one for one in found if one["kind"] == kind}


def workloads() -> dict[str, Manifest]:
    """Whatever has a pod template: Deployments and Jobs, the installation's too."""
    return {
        one["metadata"]["name"]: one for one in everything() if one["kind"] in {"Deployment", "Job", "StatefulSet"}
    }


def pod(name: str) -> Manifest:
    spec: Manifest = workloads()[name]["spec"]["template"]["spec"]
    return spec


def labels(name: str) -> dict[str, str]:
    found: dict[str, str] = workloads()[name]["spec"]["template"]["metadata"]["labels"]
    return found


def service_of(name: str) -> str:
    return labels(name)["app.kubernetes.io/name"]


def component_of(name: str) -> str:
    return labels(name)["app.kubernetes.io/component"]


def only_container(name: str) -> Manifest:
    (container,) = containers(workloads()[name])
    return container


def definition(service: str) -> Service:
    found: Service = import_module(f"services.{service}.app").SERVICE
    return found


def commands(service: str) -> set[str]:
    return {"api", "worker", "migrate", PARKED, *definition(service).operations}


def settings_class(service: str) -> type[ServiceSettings]:
    return definition(service).settings


def environment(name: str) -> dict[str, str]:
    """As the kubelet makes it; each secret is replaced by a word."""
    container = only_container(name)
    maps = of_kind("ConfigMap")
    shared: dict[str, str] = {}
    for source in container["envFrom"]:
        shared |= maps[source["configMapRef"]["name"]]["data"]
    own: dict[str, str] = {}
    for variable in container["env"]:
        # Only variables of `env` that stand before are expanded.
        text = variable.get("value", SECRET)
        own[variable["name"]] = REFERENCE.sub(lambda found: own[found[1]], text)
    return shared | own


def secret_variables(name: str) -> dict[str, tuple[str, str]]:
    """Variable → name and key of its secret."""
    return {
        variable["name"]: (reference["name"], reference["key"])
        for variable in only_container(name)["env"]
        if (reference := variable.get("valueFrom", {}).get("secretKeyRef"))
    }


def mounted_secrets(name: str) -> Iterator[tuple[str, str, str]]:
    """Secret, key and path of every file that the pod's container sees."""
    places = {mount["name"]: mount["mountPath"] for mount in only_container(name)["volumeMounts"]}
    for volume in pod(name)["volumes"]:
        place = places[volume["name"]]
        if "secret" in volume:
            yield from _files(volume["secret"]["secretName"], volume["secret"], place=place)
        for source in volume.get("projected", {}).get("sources", ()):
            if "secret" in source:
                yield from _files(source["secret"]["name"], source["secret"], place=place)


def _files(secret: str, source: Manifest, *, place: str) -> Iterator[tuple[str, str, str]]:
    for item in source.get("items", ()):
        yield secret, item["key"], str(Path(place) / item["path"])
