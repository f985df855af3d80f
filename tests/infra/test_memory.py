"""The log in memory keeps the contract of the log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import pytest

from infra.mapper import Stored
from infra.memory import MemoryEventStore
from tests.infra.store_contract import EventStoreContract


class MemoryLog:
    def __init__(self, store: MemoryEventStore) -> None:
        self._store = store

    async def rows(self) -> Sequence[Stored]:
        return self._store.rows

    async def set_clock_of_the_last_event(self, at: datetime) -> None:
        self._store._rows[-1] = replace(self._store._rows[-1], recorded_at=at)


class TestMemoryEventStore(EventStoreContract):
    @pytest.fixture
    def store(self) -> MemoryEventStore:
        return MemoryEventStore()

    @pytest.fixture
    def log(self, store: MemoryEventStore) -> MemoryLog:
        return MemoryLog(store)
