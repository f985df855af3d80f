"""Whatever is wrong with a lane is noticed, named with a code, and told with its exact place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

import pytest
from kafka.admin import KafkaAdminClient, NewPartitions

from infra.mapper import Stored
from infra.topics import PARTITIONS, Lane, Place, partition_of
from streams.envelope import Message
from streams.reading.faults import MEANING, Code, Fault
from streams.reading.progress import MemoryStore
from tests.streams.lane import TestLane, changed


@pytest.fixture
def lane(kafka_bootstrap: str, story: Sequence[Stored]) -> Iterator[TestLane]:
    made = TestLane(kafka_bootstrap, sorted({stored.aggregate for stored in story}))
    yield made
    made.close()


@dataclass
class Written:
    """The messages of the story, and those of one partition in which enough happens to spoil something."""

    lane: TestLane
    messages: list[Message]
    story: Sequence[Stored]

    @property
    def busy(self) -> list[int]:
        """Where in the list the messages of the busiest partition stand."""
        places: dict[tuple[str, int], list[int]] = {}
        for n, message in enumerate(self.messages):
            places.setdefault((message.topic, message.partition), []).append(n)
        return max(places.values(), key=len)

    def place_of(self, n: int) -> Place:
        return Place(self.messages[n].topic, self.messages[n].partition)

    def sent(self) -> None:
        self.lane.send(self.messages)
        self.lane.say(len(self.story))


@pytest.fixture
def written(lane: TestLane, story: Sequence[Stored]) -> Written:
    return Written(lane, lane.messages(story), story)


def fault_of(read: Callable[[], object]) -> Fault:
    with pytest.raises(Fault) as found:
        read()
    return found.value


def test_a_message_that_is_missing_is_named_by_the_next_one(written: Written) -> None:
    at = written.busy
    missing, after = written.story[at[3]].position, written.story[at[4]].position
    place = written.place_of(at[3])
    del written.messages[at[3]]
    written.sent()
    for aggregates in (None, [written.lane.lane.aggregate_of(place.topic)]):
        fault = fault_of(lambda aggregates=aggregates: written.lane.read(aggregates))  # type: ignore[misc]
        assert (fault.code, fault.place, fault.offset, fault.position) == (Code.GAP, place, 3, after)
        assert f"up to {missing} is missing before position {after}" in fault.what or f"{missing} is" in fault.what


def test_the_last_message_of_a_partition_is_missed_too(written: Written) -> None:
    at = written.busy
    missing = written.story[at[-1]].position
    del written.messages[at[-1]]
    written.sent()
    fault = fault_of(written.lane.read)
    assert (fault.code, fault.position) == (Code.GAP, missing)
    assert f"position {missing} is in no topic" in fault.what


def test_the_very_last_message_of_the_log_is_missed_too(written: Written) -> None:
    written.messages.pop()
    written.sent()
    fault = fault_of(written.lane.read)
    assert (fault.code, fault.position) == (Code.GAP, len(written.story))


def test_a_hole_can_be_passed_over_and_is_told(written: Written) -> None:
    at = written.busy
    missing = written.story[at[3]].position
    del written.messages[at[3]]
    written.sent()
    told: list[Fault] = []
    found = written.lane.read(passing=[Code.GAP], on_fault=told.append)
    assert [entry.position for entry in found] == [s.position for s in written.story if s.position != missing]
    assert {fault.code for fault in told} == {Code.GAP}


def test_a_message_out_of_its_order_is_named(written: Written) -> None:
    at = written.busy
    first, second = at[3], at[4]
    written.messages[first], written.messages[second] = written.messages[second], written.messages[first]
    written.sent()
    fault = fault_of(written.lane.read)
    early, late = written.story[first].position, written.story[second].position
    assert (fault.code, fault.place, fault.offset, fault.position) == (
        Code.REORDERED,
        written.place_of(first),
        3,
        early,
    )
    assert fault.what == f"position {early} comes only at offset 4, behind position {late}"


def test_the_same_message_again_is_passed_over_and_counted(written: Written) -> None:
    at = written.busy
    again = written.messages[at[2] : at[2] + 1]
    written.messages[at[4] + 1 : at[4] + 1] = again
    written.sent()
    told: list[Fault] = []
    found = written.lane.read(on_fault=told.append)
    assert [entry.position for entry in found] == [stored.position for stored in written.story]
    ((code, place, offset, position),) = [(f.code, f.place, f.offset, f.position) for f in told]
    assert (code, place, offset) == (Code.DUPLICATE, written.place_of(at[2]), 5)
    assert position == written.story[at[2]].position
    assert fault_of(lambda: written.lane.read(passing=[])).code is Code.DUPLICATE


def test_a_whole_batch_sent_again_as_after_a_crash_changes_nothing(written: Written) -> None:
    written.lane.send(written.messages[:40])
    written.sent()
    assert [entry.position for entry in written.lane.read()] == [stored.position for stored in written.story]


@pytest.mark.parametrize("what", ["value", "metadata", "version", "recorded_at"])
def test_a_position_that_comes_again_with_another_content_is_named(written: Written, what: str) -> None:
    at = written.busy
    message = written.messages[at[2]]
    other = replace(message, value=message.value.replace(b"{", b"{ ", 1))
    if what != "value":
        known = dict(message.headers)
        new = {"metadata": known["metadata"] + b" ", "version": b"99", "recorded_at": b"2020-08-27T00:00:00+00:00"}
        other = changed(message, **{what: new[what]})
    written.messages.insert(at[4] + 1, other)
    written.sent()
    fault = fault_of(written.lane.read)
    position = written.story[at[2]].position
    assert (fault.code, fault.offset, fault.position) == (Code.CONTRADICTION, 5, position)


def test_one_position_in_two_partitions_is_named(written: Written) -> None:
    stored = written.story[4]
    taken = {(message.topic, message.partition) for message in written.messages}
    twins = (replace(stored, stream_id=UUID(int=n)) for n in range(1_000))
    twin = next(one for one in twins if (written.messages[4].topic, partition_of(one.stream_id)) not in taken)
    written.messages += written.lane.messages([twin])
    written.sent()
    fault = fault_of(written.lane.read)
    assert (fault.code, fault.position) == (Code.CONTRADICTION, stored.position)


def test_a_message_put_in_between_is_named(written: Written) -> None:
    at = written.busy
    before, after = written.story[at[3]], written.story[at[4]]
    position = next(p for p in range(before.position + 1, after.position))
    forged = changed(written.messages[at[3]], position=str(position).encode())
    written.messages.insert(at[3] + 1, forged)
    written.sent()
    fault = fault_of(written.lane.read)
    assert (fault.code, fault.offset, fault.position) == (Code.WRONG_LINK, 4, position)


SPOILED: dict[str, Callable[[Message], Message]] = {
    "a header is gone": lambda m: replace(m, headers=[h for h in m.headers if h[0] != "version"]),
    "a number is none": lambda m: changed(m, prev_position=b"seven"),
    "the key is another's": lambda m: replace(m, key=b"00000000-0000-0000-0000-000000000000"),
    "the key is none": lambda m: replace(m, key=b"somebody"),
    "the value is cut": lambda m: replace(m, value=m.value[:-1]),
    "the value is another's": lambda m: replace(m, value=b'{"nothing": "of the kind"}'),
    "the metadata is none": lambda m: changed(m, metadata=b"{}"),
    "the time has no zone": lambda m: changed(m, recorded_at=b"2020-08-27T09:00:00"),
}


@pytest.mark.parametrize("how", SPOILED)
def test_a_message_that_is_not_what_the_relay_writes_is_named(written: Written, how: str) -> None:
    at = written.busy
    written.messages[at[3]] = SPOILED[how](written.messages[at[3]])
    written.sent()
    fault = fault_of(written.lane.read)
    assert (fault.code, fault.place, fault.offset) == (Code.CORRUPT, written.place_of(at[3]), 3)
    assert "Sốc tim" not in str(fault), "what a fault says is read by people who may not see patients"


@pytest.mark.parametrize("other", [{"type": b"referral.sung"}, {"schema_version": b"99"}])
def test_an_event_of_an_unknown_type_is_named_and_can_be_passed_over(written: Written, other: dict[str, bytes]) -> None:
    n = next(n for n, stored in enumerate(written.story) if stored.name == "referral.accepted")
    written.messages[n] = changed(written.messages[n], **other)
    written.sent()
    fault = fault_of(written.lane.read)
    assert (fault.code, fault.place, fault.position) == (Code.UNKNOWN_TYPE, written.place_of(n), n + 1)
    found = [entry.position for entry in written.lane.read(passing=[Code.UNKNOWN_TYPE])]
    assert found == [stored.position for stored in written.story if stored.position != n + 1]


def test_what_would_bring_disorder_cannot_be_passed_over(written: Written) -> None:
    for code in (Code.CONTRADICTION, Code.REORDERED, Code.TOPIC_RECREATED, Code.WRONG_LINK):
        with pytest.raises(ValueError, match=str(code)):
            written.lane.reader(passing=[code])


def test_every_code_has_its_meaning() -> None:
    assert MEANING.keys() == set(Code)


# What happens to topics --------------------------------------------------------------------------------------


@pytest.fixture
def admin(kafka_bootstrap: str) -> Iterator[KafkaAdminClient]:
    made = KafkaAdminClient(bootstrap_servers=kafka_bootstrap)
    yield made
    made.close()


def recreated(lane: TestLane, admin: KafkaAdminClient, topic: str) -> None:
    admin.delete_topics([topic])
    while topic in admin.list_topics():
        pass
    lane.make([topic])


def test_a_topic_recreated_empty_is_noticed_at_the_start_and_while_reading(
    written: Written, admin: KafkaAdminClient
) -> None:
    written.sent()
    store, topic = MemoryStore(), written.place_of(written.busy[0]).topic
    written.lane.read(store=store)
    with written.lane.reader(follow=True, store=MemoryStore(store.text)) as reader:
        recreated(written.lane, admin, topic)
        fault = fault_of(lambda: next(iter(reader)))
        assert (fault.code, fault.place and fault.place.topic) == (Code.TOPIC_RECREATED, topic)
    fault = fault_of(lambda: written.lane.read(store=store))
    assert (fault.code, fault.place and fault.place.topic) == (Code.TOPIC_RECREATED, topic)


def test_a_topic_recreated_with_the_same_content_is_noticed_too(written: Written, admin: KafkaAdminClient) -> None:
    written.sent()
    store, topic = MemoryStore(), written.place_of(written.busy[0]).topic
    written.lane.read(store=store)
    with written.lane.reader(follow=True) as reader:
        entries = iter(reader)
        for _ in written.story:
            next(entries)
        recreated(written.lane, admin, topic)
        written.lane.send([message for message in written.messages if message.topic == topic])
        fault = fault_of(lambda: next(entries))
        assert (fault.code, fault.what) == (Code.TOPIC_RECREATED, f"{topic} was deleted and made anew")
    assert fault_of(lambda: written.lane.read(store=store)).code is Code.TOPIC_RECREATED


def test_a_topic_that_is_gone_is_noticed(written: Written, admin: KafkaAdminClient) -> None:
    written.sent()
    store, topic = MemoryStore(), written.place_of(written.busy[0]).topic
    written.lane.read(store=store)
    admin.delete_topics([topic])
    while topic in admin.list_topics():
        pass
    fault = fault_of(lambda: written.lane.read(store=store))
    assert (fault.code, fault.place and fault.place.topic) == (Code.TOPIC_MISSING, topic)
    aggregate = written.lane.lane.aggregate_of(topic)
    assert fault_of(lambda: written.lane.read([aggregate])).code is Code.TOPIC_MISSING


def test_another_number_of_partitions_is_noticed_at_the_start_and_while_reading(
    written: Written, admin: KafkaAdminClient
) -> None:
    written.sent()
    topic = written.place_of(written.busy[0]).topic
    with written.lane.reader(follow=True) as reader:
        entries = iter(reader)
        for _ in written.story:
            next(entries)
        admin.create_partitions({topic: NewPartitions(PARTITIONS + 1)})
        assert fault_of(lambda: next(entries)).code is Code.PARTITIONS_CHANGED
    fault = fault_of(written.lane.read)
    assert (fault.code, fault.place and fault.place.topic) == (Code.PARTITIONS_CHANGED, topic)


def test_progress_of_another_kafka_or_lane_is_refused(written: Written) -> None:
    written.sent()
    store = MemoryStore()
    with written.lane.reader(store=store) as reader:
        list(reader)
        reader.progress.cluster_id = "another"
        reader.save()
    assert fault_of(lambda: written.lane.read(store=store)).code is Code.CLUSTER_CHANGED
    with written.lane.reader() as reader:
        reader.progress.lane = Lane("telehealth.elsewhere", "").prefix
        store.save(reader.progress.to_json())
    assert fault_of(lambda: written.lane.read(store=store)).code is Code.OTHER_LANE


def test_a_kafka_whose_end_lies_before_what_was_read_is_refused(written: Written) -> None:
    written.sent()
    store = MemoryStore()
    with written.lane.reader(store=store) as reader:
        list(reader)
        place = written.place_of(written.busy[0])
        reader.progress.reached[place] = (10_000, 99_999)
        reader.save()
    fault = fault_of(lambda: written.lane.read(store=store))
    assert (fault.code, fault.place, fault.position) == (Code.TOPIC_RECREATED, place, 99_999)
    assert fault.offset == len(written.busy), "where it ends now"
