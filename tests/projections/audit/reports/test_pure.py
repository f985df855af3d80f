"""What travels with a report asks no clock, makes no ids and touches nothing outside: it is run by strangers."""

from __future__ import annotations

import pytest

from infra.audit.definitions import installed
from tests.architecture.purity import impurities


@pytest.mark.parametrize("name", installed())
def test_a_definition_is_pure(name: str) -> None:
    assert list(impurities(installed()[name].source.decode())) == []
