"""The contracts in docs/contracts are true of real messages, and tools that nobody here wrote accept them."""

from __future__ import annotations

import copy
import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator, Draft202012Validator

from infra.mapper import Stored
from infra.open_form import OpenForm
from infra.topics import LOG, open_lane
from streams.envelope import Headers, to_message
from tests.golden.shapes import shipped
from tests.product import ROOT, events

CONTRACTS = ROOT / "docs" / "contracts"
SCHEMAS = sorted(CONTRACTS.glob("*/*.json"))
RELEASE = open_lane("r1")
NOT_THAT = {"somebody": "put this here"}


def read(file: Path) -> Any:
    return json.loads(file.read_text())


@pytest.fixture(scope="module")
def by_uri() -> Mapping[str, Draft202012Validator]:
    return {(schema := read(file))["$id"]: Draft202012Validator(schema) for file in SCHEMAS}


@pytest.fixture(scope="module")
def messages(whole_day: Sequence[Stored]) -> Sequence[tuple[bytes, Headers]]:
    """The day as it goes to Kafka, in both forms."""
    form = OpenForm(bytes(32))
    inside = [to_message(stored, 0) for stored in whole_day]
    outside = [to_message(form.of(stored), 0, RELEASE) for stored in whole_day]
    return [(message.value, message.headers) for message in (*inside, *outside)]


@pytest.mark.parametrize("file", SCHEMAS, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_every_schema_is_one(file: Path) -> None:
    Draft202012Validator.check_schema(read(file))


def test_every_event_and_version_has_both_contracts_under_names_of_their_own() -> None:
    named = [f"{content['event']}.v{content['schema_version']}.json" for content in shipped().values()]
    for form in ("events", "open"):
        assert sorted(file.name for file in (CONTRACTS / form).glob("*.v*.json")) == sorted(named)
    assert len({read(file)["$id"] for file in SCHEMAS}) == len(SCHEMAS)


def test_every_stored_event_of_a_day_fits_the_schema_that_its_message_names(
    messages: Sequence[tuple[bytes, Headers]], by_uri: Mapping[str, Draft202012Validator]
) -> None:
    used = set()
    for value, headers in messages:
        uri = dict(headers)["ce_dataschema"].decode()
        used.add(uri)
        by_uri[uri].validate(json.loads(value))
        form = "open" if dict(headers)["ce_source"] == RELEASE.source.encode() else "events"
        by_uri[f"urn:telehealth:{form}:metadata"].validate(json.loads(dict(headers)["metadata"]))
    assert len(used) > 60


def mutated(content: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """One field more; each field, at any depth, replaced by what it is not."""
    yield content | NOT_THAT
    for name, value in content.items():
        yield content | {name: NOT_THAT}
        if isinstance(value, dict):
            yield from (content | {name: inner} for inner in mutated(value))
        if isinstance(value, list) and value:
            yield content | {name: [NOT_THAT, *value[1:]]}


def test_no_mutated_event_fits_its_schema(
    messages: Sequence[tuple[bytes, Headers]], by_uri: Mapping[str, Draft202012Validator]
) -> None:
    tried = 0
    for value, headers in messages:
        validator = by_uri[dict(headers)["ce_dataschema"].decode()]
        for wrong in mutated(json.loads(value)):
            tried += 1
            assert not validator.is_valid(wrong), wrong
    assert tried > 900


def test_no_event_without_a_field_that_it_must_have_fits_its_schema(by_uri: Mapping[str, Draft202012Validator]) -> None:
    for content in shipped().values():
        validator = by_uri[f"urn:telehealth:events:{content['event']}:v{content['schema_version']}"]
        assert validator.is_valid(content["example"])
        for name in validator.schema.get("required", []):
            without = {key: value for key, value in content["example"].items() if key != name}
            assert not validator.is_valid(without), f"{content['event']} without {name}"


# AsyncAPI ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def asyncapi() -> Any:
    return read(CONTRACTS / "asyncapi.json")


def test_every_message_has_the_headers_that_the_document_tells(
    asyncapi: Any, messages: Sequence[tuple[bytes, Headers]]
) -> None:
    for _, headers in messages:
        told = {name: content.decode() for name, content in headers}
        form = "open" if told["ce_source"] == RELEASE.source else "events"
        trait = asyncapi["components"]["messageTraits"][form]["headers"]
        Draft7Validator(trait).validate(told)
        assert told.keys() <= trait["properties"].keys(), "a header that nobody is told of"


def references(content: Any) -> Iterator[str]:
    if isinstance(content, dict):
        for key, value in content.items():
            if key == "$ref" and isinstance(value, str):
                yield value
            else:
                yield from references(value)
    elif isinstance(content, list):
        for value in content:
            yield from references(value)


def test_every_reference_leads_somewhere(asyncapi: Any) -> None:
    for reference in references(asyncapi):
        if not reference.startswith("#/"):
            assert (CONTRACTS / reference).exists()
            continue
        found = asyncapi
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]


def test_every_topic_and_event_is_told(asyncapi: Any) -> None:
    addresses = {channel["address"] for channel in asyncapi["channels"].values()}
    aggregates = {event.name.partition(".")[0] for event in events()}
    assert {LOG.topic_of(aggregate) for aggregate in aggregates} <= addresses
    opened = {RELEASE.topic_of(aggregate).replace(".r1.", ".{release}.") for aggregate in aggregates}
    assert opened <= addresses
    named = {message["name"] for message in asyncapi["components"]["messages"].values()}
    assert named == {event.name for event in events()}


@pytest.fixture(scope="module")
def official(tmp_path_factory: pytest.TempPathFactory) -> Draft7Validator:
    """AsyncAPI's own JSON Schema, as its makers publish it, pinned by hash in package-lock.json."""
    if shutil.which("npm") is None:
        pytest.skip(
            "npm is not installed: `apt-get install npm` brings what holds asyncapi.json against AsyncAPI's schema"
        )
    folder = tmp_path_factory.mktemp("asyncapi")
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copy(Path(__file__).parent / name, folder)
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=250, check=False)
    assert done.returncode == 0, f"npm could not fetch what package-lock.json pins:\n{done.stderr}"
    return Draft7Validator(read(folder / "node_modules/@asyncapi/specs/schemas/3.0.0.json"))


def test_the_document_is_asyncapi_by_the_schema_of_its_makers(asyncapi: Any, official: Draft7Validator) -> None:
    assert [error.message[:200] for error in official.iter_errors(asyncapi)] == []


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        (("asyncapi",), "2.0.0"),
        (("operations", "publish_reached", "action"), "shout"),
        (("channels", "reached", "address"), 7),
        (("components", "messageTraits", "open", "headers"), "none"),
        (("info",), {}),
    ],
)
def test_a_document_that_is_none_is_refused(
    asyncapi: Any, official: Draft7Validator, path: Sequence[str], wrong: Any
) -> None:
    spoiled = copy.deepcopy(asyncapi)
    place = spoiled
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = wrong
    assert not official.is_valid(spoiled)
