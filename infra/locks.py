"""The advisory locks of the database, all in one place: two that share a number would shut each other out."""

from __future__ import annotations

import zlib
from enum import IntEnum, unique


@unique
class Lock(IntEnum):
    """`LOG` is taken in infra/sql/020_append.sql, where it stands as a number."""

    LOG = 8420200827
    MIGRATION = 8420200828
    RELAY = 8420200829
    TIMER = 8420200830
    LEDGER = 8420200831
    REPORTS = 8420200832


# Behind all of the above, and as wide as the hashes of 32 bits that are added to it.
RELEASES = 1 << 40


def lock_of_release(release: str) -> int:
    """Releases of open data are carried beside each other, each by one process at a time."""
    return RELEASES + zlib.crc32(release.encode())
