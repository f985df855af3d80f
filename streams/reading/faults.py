"""What can be wrong with a lane, each fault with a stable code and the exact place.

Rules: a fault stops the reader unless its code is passed over on purpose; then it is still noticed and counted. What is
passed over can never bring a second copy or another order to the user: only an identical copy, an unreadable message or
a hole can be.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from infra.topics import Place


class Code(StrEnum):
    """The codes of faults, with what each means."""

    GAP = "GAP"
    REORDERED = "REORDERED"
    DUPLICATE = "DUPLICATE"
    CONTRADICTION = "CONTRADICTION"
    WRONG_LINK = "WRONG_LINK"
    CORRUPT = "CORRUPT"
    UNKNOWN_TYPE = "UNKNOWN_TYPE"
    TOPIC_MISSING = "TOPIC_MISSING"
    TOPIC_RECREATED = "TOPIC_RECREATED"
    PARTITIONS_CHANGED = "PARTITIONS_CHANGED"
    CLUSTER_CHANGED = "CLUSTER_CHANGED"
    OTHER_LANE = "OTHER_LANE"
    UNSETTLED = "UNSETTLED"
    WRONG_TREE = "WRONG_TREE"
    FORGED_CHECKPOINT = "FORGED_CHECKPOINT"


MEANING = {
    Code.GAP: "An event is missing: the link of the next one names it, or no topic has its position.",
    Code.REORDERED: "A message lies behind one that follows it in the log.",
    Code.DUPLICATE: "A message came a second time, the same. The relay does so after a crash; it is passed over.",
    Code.CONTRADICTION: "A position came a second time with another content.",
    Code.WRONG_LINK: "A message names as its predecessor what is not the one before it: it was put in between.",
    Code.CORRUPT: "A message is not what the relay writes: headers, key, partition or value do not fit.",
    Code.UNKNOWN_TYPE: "This version knows no event of this name or schema version. Update the library.",
    Code.TOPIC_MISSING: "A topic that is to be read does not exist.",
    Code.TOPIC_RECREATED: "A topic was deleted and made anew, or is shorter than what was read of it.",
    Code.PARTITIONS_CHANGED: "A topic has another number of partitions: the order of streams is lost.",
    Code.CLUSTER_CHANGED: "This is another Kafka than the one that was read.",
    Code.OTHER_LANE: "The stored progress is of another lane, or of other topics.",
    Code.UNSETTLED: "Nobody says that everything before an event has arrived. Does the relay run?",
    Code.WRONG_TREE: "What was read is not what the log signed.",
    Code.FORGED_CHECKPOINT: "A checkpoint is not signed by a key that is trusted.",
}
PASSABLE = frozenset({Code.DUPLICATE, Code.GAP, Code.CORRUPT, Code.UNKNOWN_TYPE})
PASSED_BY_DEFAULT = frozenset({Code.DUPLICATE})


@dataclass
class Fault(Exception):
    """Something is wrong with the lane, at this place. `position` is the event's, where there is one."""

    code: Code
    what: str
    place: Place | None = None
    offset: int | None = None
    position: int | None = None

    def __str__(self) -> str:
        where = "" if self.place is None else f" in {self.place.topic}[{self.place.partition}]"
        at = "" if self.offset is None else f" at offset {self.offset}"
        return f"{self.code}{where}{at}: {self.what}"
