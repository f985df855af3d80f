"""Where to begin: at the beginning, where the progress says, at a time, or at a position.

Rules: what is stored must still be true of Kafka, or reading on would be reading something else. A position is found by
time: the log's times never run backwards, so whatever was recorded before it stands before it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from infra.topics import Place
from streams.envelope import MalformedMessage, from_message
from streams.reading.faults import Code, Fault
from streams.reading.progress import Progress
from streams.reading.source import Source


def still_true(progress: Progress, source: Source, dense: bool) -> None:
    """Raises Fault when the progress is of something else than this lane on this Kafka."""
    if (progress.lane, progress.dense) != (source.lane.prefix, dense):
        raise Fault(Code.OTHER_LANE, f"the progress is of {progress.lane}, dense {progress.dense}")
    if progress.cluster_id != source.cluster_id:
        raise Fault(Code.CLUSTER_CHANGED, f"the progress is of the Kafka {progress.cluster_id}")
    if not dense and progress.topics.keys() != source.topics.keys():
        raise Fault(Code.OTHER_LANE, f"the progress is of {', '.join(sorted(progress.topics))}")
    for name, id_ in progress.topics.items():
        if source.topics.get(name) != id_:
            missing = name not in source.topics
            code = Code.TOPIC_MISSING if missing else Code.TOPIC_RECREATED
            raise Fault(code, f"{name} is not the topic that was read", Place(name, 0))
    ends = source.ends(list(progress.reached))
    for place, (offset, position) in sorted(progress.reached.items()):
        if ends[place] < offset:
            what = f"it ends at offset {ends[place]}, but was read up to {offset}"
            raise Fault(Code.TOPIC_RECREATED, what, place, ends[place], position)


def offsets_at(start: datetime | int, source: Source, places: Collection[Place]) -> Mapping[Place, int]:
    """Offsets from which on everything from this time or position on is read, and little more."""
    moment = start if isinstance(start, datetime) else _time_before(start, source, places)
    if moment is None:
        return dict.fromkeys(places, 0)
    # Kafka's own times are those of record, in milliseconds.
    return source.at_time(int(moment.timestamp() * 1_000), places)


def _time_before(position: int, source: Source, places: Collection[Place]) -> datetime | None:
    """When something at or before this position was recorded, as late as the longest partition tells."""
    ends = source.ends(places)
    longest = max(ends, key=lambda place: ends[place])
    low, high, found = 0, ends[longest], None
    while low < high:
        middle = (low + high) // 2
        record = source.scan(longest, middle, 1, lambda record: True)
        try:
            stored = from_message(record.key, record.value, record.headers).stored
        except (MalformedMessage, AttributeError):
            return found  # Reading from further back costs time, and finds the fault in its place.
        if stored.position <= position:
            low, found = middle + 1, stored.recorded_at
        else:
            high = middle
    return found
