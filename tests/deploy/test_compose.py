"""The Compose file runs every process, in an order that works, with settings that exist; the image holds all."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import yaml

from infra.bootstrap import PROCESSES
from infra.settings import ROOT, Settings
from tests.deploy.manifests import DEPLOY
from tests.product import PACKAGES, run_python

STORES = {"postgres", "kafka"}
BEGINS = """
from graphql_api.room_page import WEB
from infra.bootstrap import PROCESSES
from infra.reference import load
from media.native.build import SOURCE

load()
for name, process in PROCESSES.items():
    process.load()
    print(name)
print(*(file.name for file in (WEB / "room" / "index.html", WEB / "live" / "api.js", SOURCE) if file.is_file()))
"""
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


def image(into: Path) -> Path:
    """The tree of the image: what the Dockerfile copies, out of what the list beside it admits. Nothing is compiled."""
    text = (DEPLOY / "Dockerfile").read_text()
    admitted = set(re.findall(r"^!(\S+)", (DEPLOY / "Dockerfile.dockerignore").read_text(), re.MULTILINE))
    assert "requirements.lock" in admitted
    built = {made: source for source, made in re.findall(r"^COPY (\w+) (/build/\w+)$", text, re.MULTILINE)}
    for source, name in re.findall(r"^COPY (?:--from=native )?(\S+) /srv/telehealth/(\w+)$", text, re.MULTILINE):
        folder = built.get(source, source)
        assert folder in admitted, f"{folder} is copied, and is kept from the build"
        shutil.copytree(ROOT / folder, into / name, ignore=shutil.ignore_patterns("__pycache__", "*.so"))
    return into


def test_the_image_holds_every_package_and_what_they_read(tmp_path: Path) -> None:
    tree = image(tmp_path)
    assert {one.name for one in tree.iterdir()} == {*PACKAGES, "reference", "web"}


def test_every_process_begins_from_the_image_alone(tmp_path: Path) -> None:
    """Nothing else of the sources is there: neither tests nor tools nor whatever lies in a developer's folder."""
    done = run_python("-c", BEGINS, root=image(tmp_path))
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.split()) == {*PROCESSES, "index.html", "api.js", "burst.c"}
