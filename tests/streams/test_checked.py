"""What came over Kafka is what the log signed; and where it is not, the message is named."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from infra.audit.folder import TileFolder
from infra.kafka import AcknowledgedProducer, ensure_topics
from infra.mapper import Stored
from projections.audit._checkpoint import Checkpoint
from projections.audit._leaf import leaf_of
from projections.audit._tiles import Edge
from projections.audit._tree import root_of
from streams.envelope import Message
from streams.reading.checked import Checked
from streams.reading.faults import Code, Fault
from tests.audit_office import LOG, ORIGIN, note_of, public
from tests.streams.lane import TestLane, changed

Change = Callable[[list[Message], int], None]
WRONG = 47


class Signed:
    """A lane, the checkpoints of its log on Kafka, and the log's tiles."""

    def __init__(self, lane: TestLane, story: Sequence[Stored], tiles: Path) -> None:
        self.lane, self.tiles, self.topic = lane, tiles, f"{lane.lane.prefix}.checkpoints"
        self.leaves = [leaf(stored) for stored in story]
        self.messages = lane.messages(story)
        ensure_topics(lane.bootstrap, [self.topic], 1, 1)
        edge, folder = Edge(), TileFolder(tiles)
        for one in self.leaves:
            for tile in edge.append(one):
                folder.write(tile)
        for tile in edge.partials():
            folder.write(tile)

    def checkpoint(self, size: int) -> Checkpoint:
        return Checkpoint(ORIGIN, size, root_of(self.leaves[:size]))

    def publish(self, *notes: str) -> None:
        producer = AcknowledgedProducer(self.lane.bootstrap)
        for note in notes:
            producer.send(self.topic, 0, ORIGIN.encode(), note.encode(), [], 0)
        producer.wait()
        producer.close()

    def read(self, tiles: bool = True) -> tuple[int, int]:
        """How many were read and how many of them checked."""
        self.lane.send(self.messages)
        self.lane.say(len(self.leaves))
        with self.lane.reader() as reader:
            checked = Checked(
                reader, self.lane.bootstrap, public(LOG), tiles=self.tiles if tiles else None, topic=self.topic
            )
            try:
                return sum(1 for _ in checked), checked.checked
            finally:
                checked.close()


def leaf(stored: Stored) -> bytes:
    envelope = (stored.position, stored.stream_id, stored.version, stored.name, stored.schema_version)
    return leaf_of(*envelope, stored.state, stored.metadata, stored.recorded_at).hash()


@pytest.fixture
def signed(kafka_bootstrap: str, story: Sequence[Stored], tmp_path: Path) -> Iterator[Signed]:
    lane = TestLane(kafka_bootstrap, sorted({stored.aggregate for stored in story}))
    made = Signed(lane, story, tmp_path / "tiles")
    sizes = [7, 30, len(story)]
    made.publish(*(note_of(made.checkpoint(size), LOG) for size in sizes))
    yield made
    lane.close()


def test_what_was_signed_is_what_was_read(signed: Signed) -> None:
    assert signed.read() == (len(signed.leaves), len(signed.leaves))


def test_what_is_not_signed_yet_is_read_and_said_to_be_unchecked(
    kafka_bootstrap: str, story: Sequence[Stored], tmp_path: Path
) -> None:
    lane = TestLane(kafka_bootstrap, sorted({stored.aggregate for stored in story}))
    early = Signed(lane, story, tmp_path)
    early.publish(note_of(early.checkpoint(30), LOG))
    assert early.read() == (len(story), 30)
    lane.close()


def of(key: str, new: Callable[[bytes], bytes]) -> Change:
    def change(messages: list[Message], n: int) -> None:
        known = dict(messages[n].headers)
        messages[n] = changed(messages[n], **{key: new(known[key])})

    return change


def another_value(messages: list[Message], n: int) -> None:
    messages[n] = replace(messages[n], value=messages[n].value.replace(b"{", b"{ ", 1))


TAMPERED: dict[str, Change] = {
    "a value": another_value,
    "who did it": of("metadata", lambda metadata: metadata.replace(b'"roles"', b' "roles"', 1)),
    "when it was recorded": of("recorded_at", lambda at: b"2020-01-01T00:00:00+00:00"),
    "its version": of("version", lambda version: b"77"),
}


@pytest.mark.parametrize("what", TAMPERED)
@pytest.mark.parametrize("tiles", [True, False])
def test_a_message_that_was_changed_is_named(signed: Signed, what: str, tiles: bool) -> None:
    TAMPERED[what](signed.messages, WRONG - 1)
    with pytest.raises(Fault) as found:
        signed.read(tiles)
    fault = found.value
    assert fault.code is Code.WRONG_TREE
    if tiles:
        message = signed.messages[WRONG - 1]
        assert fault.position == WRONG
        assert fault.place == (message.topic, message.partition)
        assert fault.what == f"position {WRONG} is not what was signed"
    else:
        assert fault.what == f"of the positions 31 to {len(signed.leaves)} at least one is not what was signed"


def test_a_message_that_was_taken_out_and_the_links_mended_is_named(signed: Signed) -> None:
    gone = signed.messages[WRONG - 1]
    place = (gone.topic, gone.partition)
    following = next(n for n, m in enumerate(signed.messages) if n >= WRONG and (m.topic, m.partition) == place)
    signed.messages[following] = changed(signed.messages[following], prev_position=dict(gone.headers)["prev_position"])
    del signed.messages[WRONG - 1]
    with pytest.raises(Fault) as found:
        signed.read()
    assert (found.value.code, found.value.position) == (Code.GAP, WRONG)


def test_tiles_that_are_not_those_of_the_signed_tree_are_not_believed(signed: Signed) -> None:
    another_value(signed.messages, WRONG - 1)
    (file,) = (path for path in signed.tiles.rglob("*") if path.is_file() and "tile/0/" in path.as_posix())
    file.write_bytes(bytes(len(file.read_bytes())))
    with pytest.raises(Fault, match="of the positions 31 to"):
        signed.read()


def test_a_checkpoint_of_nobody_who_is_trusted_stops_it(signed: Signed) -> None:
    signed.publish(note_of(signed.checkpoint(len(signed.leaves)), LOG).replace("— ", "— x", 1))
    with pytest.raises(Fault) as found:
        signed.read()
    assert (found.value.code, found.value.offset) == (Code.FORGED_CHECKPOINT, 3)


def test_only_the_whole_log_from_its_beginning_is_held_against_checkpoints(signed: Signed) -> None:
    for more in ({"aggregates": ["referral"]}, {"start": 5}):
        with signed.lane.reader(**more) as reader, pytest.raises(ValueError, match="from its beginning"):
            Checked(reader, signed.lane.bootstrap, public(LOG))
