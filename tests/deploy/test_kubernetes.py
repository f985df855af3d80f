"""The manifests are valid, belong together, run every process of the product, and set nothing that is no setting."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import kubernetes_validate
import pytest

from infra.bootstrap import PROCESSES
from infra.kafka import TOPIC_CONFIG
from infra.settings import Settings
from infra.topics import PARTITIONS, topic_of
from tests.deploy.manifests import KUBERNETES, OVERLAYS, Document, containers, merged, rendered
from tests.product import events

CLUSTER_VERSION = "1.33"
SETTINGS = {field.description for field in Settings.model_fields.values()}
SECRET = {str(field.description) for field in Settings.model_fields.values() if not field.repr}
OPERATORS = {"postgresql.cnpg.io/v1": {"Cluster", "ScheduledBackup"}} | {
    "kafka.strimzi.io/v1": {"Kafka", "KafkaNodePool", "KafkaTopic"}
}
DATA = "/var/lib/telehealth/"
# What production makes by itself never, and whoever needs it.
KEY_FILES = {
    "audit/log.key": {"ledger"},
    "audit/receipts.key": {"api"},
    "media/grants.keys": {"api", "media", "playback"},
    "open/r1.key": {"opener"},
}
WITH_ADDRESS = re.compile(r"^[^/]*[.:][^/]*/")

RENDERED = {overlay: rendered(KUBERNETES / overlay) for overlay in OVERLAYS}


def of_kind(found: list[Document], kind: str) -> list[Document]:
    return [one for one in found if one["kind"] == kind]


def environment(found: list[Document], container: Document) -> dict[str, Any]:
    """What the container is given: texts, and where its other values come from."""
    maps = {one["metadata"]["name"]: one["data"] for one in of_kind(found, "ConfigMap")}
    given: dict[str, Any] = {}
    for source in container.get("envFrom", ()):
        given.update(maps[source["configMapRef"]["name"]])
    for one in container.get("env", ()):
        given[one["name"]] = one["value"] if "value" in one else one["valueFrom"]
    return given


def processes(found: list[Document]) -> Iterator[tuple[str, Document]]:
    for container in containers(found, ("containers",)):
        assert container["args"][0] == "run"
        yield container["args"][1], container


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_manifest_is_one_that_kubernetes_takes(overlay: str) -> None:
    for one in RENDERED[overlay]:
        if one["apiVersion"] in OPERATORS:
            assert one["kind"] in OPERATORS[one["apiVersion"]]
        else:
            kubernetes_validate.validate(one, CLUSTER_VERSION, strict=True)


def test_a_manifest_with_a_misspelt_field_is_found() -> None:
    (relay,) = [one for one in of_kind(RENDERED["overlays/nation"], "Deployment") if one["metadata"]["name"] == "relay"]
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(merged(relay, {"spec": {"replica": 2}}), CLUSTER_VERSION, strict=True)


def test_every_process_of_the_product_has_a_manifest() -> None:
    run = {name for found in RENDERED.values() for name, _ in processes(found)}
    assert run == set(PROCESSES)


def test_an_installation_for_the_nation_runs_all_that_production_needs() -> None:
    found = {name for name, _ in processes(RENDERED["overlays/nation"])}
    assert found == set(PROCESSES) - {"issuer", "witness"}, "tokens and cosignatures come from elsewhere"


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_whatever_is_set_is_a_setting_that_the_product_accepts(overlay: str) -> None:
    for name, container in processes(RENDERED[overlay]):
        given = environment(RENDERED[overlay], container)
        assert given.keys() <= SETTINGS, name
        texts = {variable: value for variable, value in given.items() if isinstance(value, str)}
        Settings.from_env({"DATABASE_URL": "postgresql://somewhere/telehealth", **texts})


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_secrets_are_named_and_never_written(overlay: str) -> None:
    for name, container in processes(RENDERED[overlay]):
        given = environment(RENDERED[overlay], container)
        for variable in SECRET & given.keys():
            assert set(given[variable]) == {"secretKeyRef"}, (name, variable)
    assert not of_kind(RENDERED[overlay], "Secret")


def test_whoever_needs_a_key_in_production_gets_its_file() -> None:
    given: dict[str, set[str]] = {file: set() for file in KEY_FILES}
    for one in of_kind(RENDERED["overlays/nation"], "Deployment"):
        pod = one["spec"]["template"]["spec"]
        secrets = {volume["name"] for volume in pod["volumes"] if "secret" in volume}
        copied = [
            container["args"][0]
            for container in pod.get("initContainers", ())
            if secrets & {mount["name"] for mount in container["volumeMounts"]}
        ]
        for container in pod["containers"]:
            mounted = {mount["mountPath"] for mount in container["volumeMounts"] if mount["name"] in secrets}
            for file, readers in given.items():
                folder, name = file.split("/")
                copies = re.compile(rf"/keys/({re.escape(name)}|\*\.key)\b.* {DATA}{folder}/;")
                made = any(copies.search(text) for text in copied)
                if made or DATA + file in mounted:
                    readers.add(container["args"][1])
    assert given == KEY_FILES


def test_each_media_worker_tells_an_address_of_its_own_that_browsers_reach() -> None:
    for overlay in ("overlays/trial", "overlays/nation"):
        (worker,) = [container for name, container in processes(RENDERED[overlay]) if name == "media"]
        given = environment(RENDERED[overlay], worker)
        assert given["TELEHEALTH_MEDIA_WORKER"] == {"fieldRef": {"fieldPath": "spec.nodeName"}}
        replicas = next(one for one in of_kind(RENDERED[overlay], "Deployment") if one["metadata"]["name"] == "media")
        shared = "$(TELEHEALTH_MEDIA_WORKER)" not in given["TELEHEALTH_MEDIA_URL"]
        assert replicas["spec"]["replicas"] == 1 or not shared
        assert given["TELEHEALTH_MEDIA_NATIVE"] == "on", "an image without the sender in C is refused"


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_process_is_probed_bounded_and_has_no_rights(overlay: str) -> None:
    for name, container in processes(RENDERED[overlay]):
        port = int(environment(RENDERED[overlay], container)["TELEHEALTH_HEALTH_PORT"])
        if name != "issuer":
            ports = {one["name"]: one["containerPort"] for one in container["ports"]}
            assert ports["health"] == port
            paths = [container[f"{kind}Probe"]["httpGet"]["path"] for kind in ("startup", "readiness", "liveness")]
            assert paths == ["/healthz", "/readyz", "/healthz"], name
        assert container["resources"]["limits"]["memory"]
        assert {"cpu", "memory"} <= container["resources"]["requests"].keys()
    for container in containers(RENDERED[overlay]):
        rights = container["securityContext"]
        assert rights["readOnlyRootFilesystem"]
        assert not rights["allowPrivilegeEscalation"]
        assert rights["capabilities"] == {"drop": ["ALL"]}
    for one in of_kind(RENDERED[overlay], "Deployment"):
        assert one["spec"]["template"]["spec"]["securityContext"]["runAsNonRoot"]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_what_refers_to_something_finds_it(overlay: str) -> None:
    found = RENDERED[overlay]
    names = {(one["kind"], one["metadata"]["name"]) for one in found}
    pods = [one["spec"]["template"]["metadata"]["labels"] for one in of_kind(found, "Deployment")]

    def selected(labels: dict[str, str]) -> bool:
        return any(labels.items() <= pod.items() for pod in pods)

    for one in of_kind(found, "Deployment"):
        assert selected(one["spec"]["selector"]["matchLabels"])
        for volume in one["spec"]["template"]["spec"]["volumes"]:
            claim = volume.get("persistentVolumeClaim")
            assert claim is None or ("PersistentVolumeClaim", claim["claimName"]) in names
    for one in of_kind(found, "Service"):
        assert selected(one["spec"]["selector"])
    for one in of_kind(found, "PodDisruptionBudget"):
        assert selected(one["spec"]["selector"]["matchLabels"])
    for one in of_kind(found, "HorizontalPodAutoscaler"):
        target = one["spec"]["scaleTargetRef"]
        assert (target["kind"], target["name"]) in names


def test_every_deployment_with_more_than_one_replica_may_lose_one_at_a_time() -> None:
    found = RENDERED["overlays/nation"]
    guarded = {
        one["spec"]["selector"]["matchLabels"]["app.kubernetes.io/name"]
        for one in of_kind(found, "PodDisruptionBudget")
    }
    many = {one["metadata"]["name"] for one in of_kind(found, "Deployment") if one["spec"]["replicas"] > 1}
    assert many <= guarded


def test_the_topics_are_those_of_the_log_and_as_the_relay_would_make_them() -> None:
    wanted = {topic_of(event.name.partition(".")[0]) for event in events()}
    for overlay in ("overlays/trial", "overlays/nation"):
        topics = of_kind(RENDERED[overlay], "KafkaTopic")
        assert {one["metadata"]["name"] for one in topics} == wanted
        (nodes,) = of_kind(RENDERED[overlay], "KafkaNodePool")
        for one in topics:
            assert one["spec"]["partitions"] == PARTITIONS
            config = {name: str(value) for name, value in one["spec"]["config"].items()}
            assert TOPIC_CONFIG.items() <= config.items()
            assert one["spec"]["replicas"] <= nodes["spec"]["replicas"]


def test_no_image_names_a_registry() -> None:
    for found in RENDERED.values():
        images = [container["image"] for container in containers(found)]
        images += [one["spec"]["imageName"] for one in of_kind(found, "Cluster")]
        assert images
        assert not [image for image in images if WITH_ADDRESS.match(image)]
