"""Builds our own kustomizations: only the features they use, and anything else is refused."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

Manifest = dict[str, Any]

KUBERNETES = Path(__file__).parents[2] / "deploy/kubernetes"
FILE = "kustomization.yaml"
FEATURES = {"apiVersion", "kind", "resources", "namespace", "patches", "images"}
CLUSTER_WIDE = {"Namespace"}


class FeatureNotUnderstood(Exception):
    """A kustomization asks for more than this module builds."""


def build(folder: Path) -> list[Manifest]:
    wanted = yaml.safe_load((folder / FILE).read_text(encoding="utf-8"))
    if unknown := wanted.keys() - FEATURES:
        raise FeatureNotUnderstood(f"{folder}: {', '.join(sorted(unknown))}")
    manifests = [manifest for name in wanted["resources"] for manifest in _read(folder / name)]
    for patch in wanted.get("patches", ()):
        if patch.keys() != {"path"}:
            raise FeatureNotUnderstood(f"{folder}: a patch is the path of a file")
        for change in documents(folder / patch["path"]):
            _merge(_find(manifests, change), change)
    for manifest in manifests:
        if "namespace" in wanted and manifest["kind"] not in CLUSTER_WIDE:
            manifest["metadata"]["namespace"] = wanted["namespace"]
        for image in wanted.get("images", ()):
            _name_images(manifest, image)
    return manifests


def documents(path: Path) -> list[Manifest]:
    return [manifest for manifest in yaml.safe_load_all(path.read_text(encoding="utf-8")) if manifest]


def identity(manifest: Manifest) -> tuple[str, str, str]:
    return manifest["apiVersion"], manifest["kind"], manifest["metadata"]["name"]


def containers(manifest: Manifest) -> Iterator[Manifest]:
    pod = manifest.get("spec", {}).get("template", {}).get("spec", {})
    yield from pod.get("initContainers", ())
    yield from pod.get("containers", ())


def _read(path: Path) -> list[Manifest]:
    return build(path) if path.is_dir() else documents(path)


def _find(manifests: list[Manifest], change: Manifest) -> Manifest:
    (found,) = [manifest for manifest in manifests if identity(manifest) == identity(change)]
    return found


def _merge(target: Manifest, change: Manifest) -> None:
    for key, content in change.items():
        if isinstance(content, list):
            raise FeatureNotUnderstood("a patch of a list")
        if isinstance(content, dict) and isinstance(target.get(key), dict):
            _merge(target[key], content)
        else:
            target[key] = content


def _name_images(manifest: Manifest, image: dict[str, str]) -> None:
    for container in containers(manifest):
        name, tag = split_image(container["image"])
        if name == image["name"]:
            container["image"] = f"{image.get('newName', name)}:{image.get('newTag', tag)}"


def split_image(text: str) -> tuple[str, str | None]:
    """Name and tag; the colon of a registry's port is no tag."""
    name, colon, tag = text.rpartition(":")
    return (name, tag) if colon and "/" not in tag else (text, None)
