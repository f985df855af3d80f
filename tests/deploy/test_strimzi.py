"""The fields of Strimzi's kinds that we use were held against its definitions by hand, and are no others.

Held on 23 November 2026 against the definitions of kafka.strimzi.io/v1 of August 2026, with `complaints` of crd.py,
which found none. Whoever uses another field does that again, and adds the field to the list.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.deploy.manifests import KUBERNETES, OVERLAYS, rendered

HELD = Path(__file__).with_name("strimzi_fields.txt")
# Below these anything is taken: they are handed on to Kafka.
FREE = ("spec.kafka.config", "spec.config", "spec.kafka.tieredStorage.remoteStorageManager.config")


def fields(value: Any, path: str = "spec") -> Iterator[str]:
    if path in FREE:
        yield path
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from fields(inner, f"{path}.{name}")
    elif isinstance(value, list):
        for inner in value:
            yield from fields(inner, f"{path}[]")
    else:
        yield path


def used() -> set[str]:
    found = [one for overlay in OVERLAYS for one in rendered(KUBERNETES / overlay)]
    return {
        f"{one['apiVersion']} {one['kind']} {path}"
        for one in found
        if one["apiVersion"].startswith("kafka.strimzi.io")
        for path in fields(one["spec"])
    }


def test_no_field_is_used_that_was_not_held_against_the_definitions() -> None:
    assert used() == set(HELD.read_text().splitlines())
