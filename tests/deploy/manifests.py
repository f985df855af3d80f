"""The manifests as a cluster would get them: an overlay's resources with its patches applied.

Rules: this renders what our own files use and nothing more (resources, strategic patches with lists merged by name,
JSON patches of a kind, a namespace); where the real tool is at hand, test_tools.py holds this against it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml

from infra.settings import ROOT

DEPLOY = ROOT / "deploy"
KUBERNETES = DEPLOY / "kubernetes"
OVERLAYS = ("overlays/trial", "overlays/nation", "witness")
# By which field the items of a list are told apart where patches are merged into it.
NAMED_BY = {
    "containers": "name",
    "initContainers": "name",
    "env": "name",
    "volumes": "name",
    "volumeMounts": "mountPath",
    "ports": "containerPort",
}
CLUSTER_WIDE = frozenset({"Namespace"})

Document = dict[str, Any]


def documents(file: Path) -> list[Document]:
    return [one for one in yaml.safe_load_all(file.read_text()) if one is not None]


def rendered(folder: Path) -> list[Document]:
    plan = documents(folder / "kustomization.yaml")[0]
    found: list[Document] = []
    for name in plan["resources"]:
        path = (folder / name).resolve()
        found.extend(rendered(path) if path.is_dir() else documents(path))
    for patch in plan.get("patches", ()):
        found = list(_patched(found, folder / patch["path"], patch.get("target")))
    for one in found:
        if "namespace" in plan and one["kind"] not in CLUSTER_WIDE:
            one["metadata"]["namespace"] = plan["namespace"]
    for image in plan.get("images", ()):
        for container in containers(found):
            if container["image"] == image["name"]:
                container["image"] = f"{image['name']}:{image['newTag']}"
    return found


def containers(found: list[Document], kinds: tuple[str, ...] = ("containers", "initContainers")) -> Iterator[Document]:
    for one in found:
        if one["kind"] == "Deployment":
            for kind in kinds:
                yield from one["spec"]["template"]["spec"].get(kind, ())


def _patched(found: list[Document], file: Path, target: Mapping[str, str] | None) -> Iterator[Document]:
    changes = yaml.safe_load(file.read_text()) if target else documents(file)
    known = {_identity(one) for one in found}
    if not target and (lost := [change for change in changes if _identity(change) not in known]):
        raise LookupError(f"{file.name} changes {_identity(lost[0])}, which is not there")
    for one in found:
        if target:
            yield _edited(one, changes) if one["kind"] == target["kind"] else one
            continue
        mine = [change for change in changes if _identity(change) == _identity(one)]
        if any(change.get("$patch") == "delete" for change in mine):
            continue
        for change in mine:
            one = merged(one, change)
        yield one


def _identity(one: Document) -> tuple[str, str]:
    return one["kind"], one["metadata"]["name"]


def merged(one: Any, change: Any, key: str = "") -> Any:
    """A strategic merge: null removes, maps merge, named lists merge by name (what the patch names comes first),
    other lists are replaced."""
    if isinstance(one, dict) and isinstance(change, dict):
        result = dict(one)
        for name, value in change.items():
            if value is None:
                result.pop(name, None)
            else:
                result[name] = merged(result.get(name), value, name)
        return result
    name = NAMED_BY.get(key)
    if name is not None and isinstance(one, list) and all(name in item for item in one):
        by_name = {item[name]: item for item in one}
        changed = {item[name]: merged(by_name.get(item[name], {}), item) for item in change}
        return [*changed.values(), *(item for known, item in by_name.items() if known not in changed)]
    return deepcopy(change)


def _edited(one: Document, operations: list[Document]) -> Document:
    result = deepcopy(one)
    for operation in operations:
        *way, last = operation["path"].strip("/").split("/")
        place = result
        for step in way:
            place = place[step]
        if operation["op"] == "replace" and last not in place:
            raise LookupError(f"{operation['path']} is not there to be replaced")
        place[last] = operation["value"]
    return result
