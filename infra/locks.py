"""The advisory locks of the database, all in one place: two that share a number would shut each other out."""

from __future__ import annotations

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
