"""A custom resource held against its definition: known fields only, and each of the type that it says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import yaml


def schema_of(file: Path, version: str) -> dict[str, Any]:
    """The schema of this version, as strict as an API server that is told to refuse what it does not know."""
    definition = yaml.safe_load(file.read_text())
    (found,) = [one for one in definition["spec"]["versions"] if one["name"] == version and one["served"]]
    schema: dict[str, Any] = strict(found["schema"]["openAPIV3Schema"])
    schema["properties"]["metadata"] = {"type": "object"}
    return schema


def strict(schema: Any) -> Any:
    if isinstance(schema, list):
        return [strict(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    result = {key: strict(value) for key, value in schema.items()}
    if schema.get("x-kubernetes-int-or-string"):
        return {"type": ["integer", "string"]}
    if isinstance(schema.get("properties"), dict) and not schema.get("x-kubernetes-preserve-unknown-fields"):
        result.setdefault("additionalProperties", False)
    return result


def complaints(document: dict[str, Any], schema: dict[str, Any]) -> list[str]:
    found = jsonschema.Draft202012Validator(schema).iter_errors(document)
    return [f"{'.'.join(map(str, one.absolute_path))}: {one.message[:200]}" for one in found]
