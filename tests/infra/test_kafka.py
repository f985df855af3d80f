"""Kafka as a child: it runs only the jars that were meant, and keeps what it is given."""

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient, NewTopic
from kafka.errors import KafkaError

from infra.local import jars
from infra.local.kafka import Kafka, brokers_of
from infra.local.program import CannotStart
from infra.settings import Settings, child_environment
from tests.conftest import Stack


async def test_a_metadata_request_names_the_broker(kafka_bootstrap: str) -> None:
    host, _, port = kafka_bootstrap.partition(":")
    assert (host, int(port)) in await brokers_of(host, int(port))


async def test_what_is_produced_is_read_and_topics_are_never_made_by_accident(
    kafka_bootstrap: str, stack: Stack
) -> None:
    admin = KafkaAdminClient(bootstrap_servers=kafka_bootstrap)
    admin.create_topics([NewTopic("stack.test", num_partitions=2, replication_factor=1)])
    producer = KafkaProducer(bootstrap_servers=kafka_bootstrap, acks="all")
    producer.send("stack.test", b"fact", partition=1).get(10)
    consumer = KafkaConsumer(bootstrap_servers=kafka_bootstrap, auto_offset_reset="earliest")
    place = TopicPartition("stack.test", 1)
    consumer.assign([place])
    assert [message.value for message in consumer.poll(10_000)[place]] == [b"fact"]
    hasty = KafkaProducer(bootstrap_servers=kafka_bootstrap, max_block_ms=1_000)
    with pytest.raises(KafkaError):
        hasty.send("stack.typo", b"lost").get(2)
    assert "stack.typo" not in admin.list_topics()
    for client in (consumer, producer, hasty, admin):
        client.close()


@pytest.fixture
def environment() -> Mapping[str, str]:
    return child_environment(Settings())


@pytest.fixture
def cache(tmp_path: Path, environment: Mapping[str, str]) -> Path:
    """A cache with the right jars, as links to the ones of this machine."""
    here = jars.kafka_jars(Settings.from_env().cache, environment)
    shutil.copytree(here, jars.jar_folder(tmp_path))
    return tmp_path


@pytest.mark.parametrize("damage", ["changed", "missing", "foreign"])
def test_a_jar_that_is_not_the_listed_one_is_never_run(
    cache: Path, damage: str, environment: Mapping[str, str]
) -> None:
    folder = jars.jar_folder(cache)
    jar = next(folder.glob("kafka-clients-*.jar"))
    if damage == "changed":
        jar.write_bytes(jar.read_bytes()[:-1] + b"x")
    elif damage == "missing":
        jar.unlink()
    else:
        (folder / "extra.jar").write_bytes(b"")
    # Without Maven nothing can be fetched, so the damage must be an error and not a start.
    with pytest.raises(CannotStart, match="mvn is missing"):
        jars.kafka_jars(cache, {**environment, "PATH": "/nonexistent"})


def test_the_right_jars_need_no_maven(cache: Path, environment: Mapping[str, str]) -> None:
    assert jars.kafka_jars(cache, {**environment, "PATH": "/nonexistent"}) == jars.jar_folder(cache)


def test_the_storage_is_formatted_also_under_an_id_that_looks_like_an_option(
    tmp_path: Path, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.local.kafka.cluster_id", lambda: "-kXvhvPMSGCnEHcFOYxZHw")
    kafka = Kafka(tmp_path, stack.settings.cache, (1, 2), stack.environment)
    kafka.prepare()
    assert "cluster.id=-kXvhvPMSGCnEHcFOYxZHw" in (kafka.folder / "log" / "meta.properties").read_text()
