"""The Compose file runs every process, in an order that works, with settings that exist; the image holds all."""

from __future__ import annotations

import re
from typing import Any

import yaml

from infra.bootstrap import PROCESSES
from infra.settings import ROOT, Settings
from tests.deploy.manifests import DEPLOY
from tests.product import PACKAGES

STORES = {"postgres", "kafka"}
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
OURS = {name: service for name, service in SERVICES.items() if name not in STORES}


def test_every_process_of_the_product_is_a_service() -> None:
    assert {service["command"][1] for service in OURS.values()} == set(PROCESSES) == set(OURS)
    assert all(service["command"][0] == "run" for service in OURS.values())


def test_whatever_is_set_is_a_setting_that_the_product_accepts() -> None:
    known = {field.description for field in Settings.model_fields.values()}
    for name, service in OURS.items():
        assert service["environment"].keys() <= known, name
        Settings.from_env(service["environment"])


def test_each_service_is_asked_for_its_health_where_it_answers() -> None:
    for name, service in OURS.items():
        port = service["environment"]["TELEHEALTH_HEALTH_PORT"]
        assert f"127.0.0.1:{port}/readyz" in service["healthcheck"]["test"][-1], name


def test_everything_waits_for_the_stores_but_what_works_without_a_log() -> None:
    for name, service in OURS.items():
        waits = set(service["depends_on"])
        assert waits <= SERVICES.keys()
        if PROCESSES[name].on_the_log:
            assert waits >= STORES, name


def test_nothing_is_reached_from_outside_the_machine() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", ())]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_the_image_holds_every_package_and_the_reference_data() -> None:
    dockerfile = (DEPLOY / "Dockerfile").read_text()
    copied = set(re.findall(r"^COPY (?:--from=native /build/)?(\w+) /srv", dockerfile, re.MULTILINE))
    assert copied == {*PACKAGES, "reference", "web"}
    admitted = set(re.findall(r"^!(\S+)", (DEPLOY / "Dockerfile.dockerignore").read_text(), re.MULTILINE))
    assert admitted == copied | {"requirements.lock"}
    assert (ROOT / "requirements.lock").exists()
