"""The manifests held against what their tools and operators themselves say: needs Go, a line, and some minutes.

Kustomize renders the overlays as our own reading of them does; CloudNativePG's definitions come from its Go module, the
schema of Compose from that of its library. Strimzi publishes its definitions in no registry: which fields of its kinds
we use, and that they were held against its definitions by hand, is in test_strimzi.py.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from tests.deploy.crd import complaints, schema_of
from tests.deploy.manifests import DEPLOY, KUBERNETES, OVERLAYS, Document, rendered

KUSTOMIZE = "sigs.k8s.io/kustomize/kustomize/v5@v5.7.1"
CLOUDNATIVE_PG = "github.com/cloudnative-pg/cloudnative-pg@v1.27.0"
COMPOSE = "github.com/compose-spec/compose-go/v2@v2.16.2"

pytestmark = [pytest.mark.long, pytest.mark.timeout(1_200)]


@pytest.fixture(scope="module")
def go() -> str:
    found = shutil.which("go")
    if found is None:
        pytest.skip("Go is needed: install the package golang-go")
    return found


def module(go: str, name: str, folder: Path) -> Path:
    """Where the sources of a Go module lie."""
    done = subprocess.run(
        [go, "mod", "download", "-json", name], cwd=folder, capture_output=True, check=True, text=True
    )
    return Path(json.loads(done.stdout)["Dir"])


def by_name(found: list[Document]) -> dict[tuple[str, str], Document]:
    return {(one["kind"], one["metadata"]["name"]): one for one in found}


def test_kustomize_renders_what_we_test(go: str, tmp_path: Path) -> None:
    environment = {"GOBIN": str(tmp_path), "PATH": str(Path(go).parent), "HOME": str(Path.home())}
    subprocess.run([go, "install", KUSTOMIZE], cwd=tmp_path, env=environment, check=True, capture_output=True)
    for overlay in OVERLAYS:
        built = subprocess.run(
            [tmp_path / "kustomize", "build", KUBERNETES / overlay], capture_output=True, check=True, text=True
        ).stdout
        assert by_name(list(yaml.safe_load_all(built))) == by_name(rendered(KUBERNETES / overlay))


def test_cloudnative_pg_knows_every_field(go: str, tmp_path: Path) -> None:
    definitions = module(go, CLOUDNATIVE_PG, tmp_path) / "config" / "crd" / "bases"
    schemas: dict[str, Any] = {
        "Cluster": schema_of(definitions / "postgresql.cnpg.io_clusters.yaml", "v1"),
        "ScheduledBackup": schema_of(definitions / "postgresql.cnpg.io_scheduledbackups.yaml", "v1"),
    }
    checked = 0
    for overlay in OVERLAYS:
        for one in rendered(KUBERNETES / overlay):
            if one["kind"] in schemas:
                assert complaints(one, schemas[one["kind"]]) == []
                assert complaints({**one, "spec": {**one["spec"], "misspelt": 1}}, schemas[one["kind"]])
                checked += 1
    assert checked >= 3


def test_compose_knows_every_field(go: str, tmp_path: Path) -> None:
    schema = json.loads((module(go, COMPOSE, tmp_path) / "schema" / "compose-spec.json").read_text())
    check = jsonschema.validators.validator_for(schema)(schema)
    document = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    assert list(check.iter_errors(document)) == []
    document["services"]["api"]["misspelt"] = 1
    assert list(check.iter_errors(document))
