"""The kit: canonical bytes, parameters, shapes, and sums that say which fact moved them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from projections.audit.reports import _kit as kit
from projections.audit.reports._kit import (
    Column,
    Definition,
    Fact,
    Figure,
    Parameter,
    ParameterRefused,
    Result,
    Row,
    Section,
    State,
    Table,
    Tally,
    UnknownShape,
    Words,
    canonical,
    files_of,
    percent,
)

SAME = Words("như nhau", "same")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
)


def fact(position: int = 1, name: str = "thing.happened", version: int = 1, **fields: Any) -> Fact:
    return Fact(position, "a stream", 1, name, version, 0, fields, {"clinical_time": "2020-08-27T02:00:00Z"})


def defined(**more: Any) -> Definition:
    return Definition("thing", version=1, title=SAME, start=State, **more)


def one_table(*rows: Row, kinds: tuple[str, str] = ("text", "integer"), key: tuple[str, ...] = ("a",)) -> Result:
    columns = [Column("a", kinds[0], SAME), Column("b", kinds[1], SAME)]
    return Result([Section("s", SAME, tables=[Table("t", SAME, columns, key, rows)])])


@given(JSON)
def test_the_bytes_are_those_of_another_implementation_of_rfc_8785(content: Any) -> None:
    assert canonical(content) == rfc8785.dumps(content)


@pytest.mark.parametrize("content", [1.5, float("nan"), 2**53, -(2**53), {"a": [0.1]}, b"bytes", {1, 2}, "\ud800"])
def test_what_is_not_the_same_everywhere_is_no_part_of_a_report(content: object) -> None:
    with pytest.raises(ValueError, match=r"no part of a report|beyond 2\^53|surrogates"):
        canonical(content)


def test_rows_stand_in_the_order_of_their_key_whatever_order_they_came_in() -> None:
    made = [Row(["b", 2]), Row([None, 1]), Row(["Đ", 3]), Row(["a", 10])]
    files = [files_of(defined(), {}, one_table(*rows)) for rows in (made, reversed(made))]
    assert files[0] == files[1]
    assert files[0]["tables/s-t.csv"].decode() == "a,b\r\n,1\r\na,10\r\nb,2\r\nĐ,3\r\n"


def test_numbers_are_sorted_by_size_and_not_as_texts() -> None:
    found = one_table(Row([10, 1]), Row([9, 1]), kinds=("integer", "integer"))
    assert files_of(defined(), {}, found)["tables/s-t.csv"] == b"a,b\r\n9,1\r\n10,1\r\n"


def test_two_rows_of_one_key_are_no_table() -> None:
    with pytest.raises(ValueError, match="one key"):
        files_of(defined(), {}, one_table(Row(["a", 1]), Row(["a", 2])))


@pytest.mark.parametrize("value", ["1", True, 1.0])
def test_a_value_is_of_the_kind_of_its_column(value: Any) -> None:
    with pytest.raises(ValueError, match="is not of the kind integer"):
        files_of(defined(), {}, one_table(Row(["a", value])))


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@sum", "\tx", "\rx"])
def test_no_spreadsheet_takes_a_text_of_the_log_for_a_formula(text: str) -> None:
    assert f"'{text}".encode() in files_of(defined(), {}, one_table(Row([text, 1])))["tables/s-t.csv"]


def test_a_negative_number_is_no_formula() -> None:
    assert b"a,-1\r\n" in files_of(defined(), {}, one_table(Row(["a", -1])))["tables/s-t.csv"]


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("month", "2020-08", "2020-13"),
        ("year", "2020", "20"),
        ("date", "2020-02-29", "2021-02-29"),
        ("id", "6f7c3b1a-0c5e-5d0e-9d0b-5a1e4c7e2d10", "6f7c3b1a"),
        ("code", "01", "a b"),
    ],
)
def test_a_parameter_has_one_form(kind: str, good: str, bad: str) -> None:
    definition = defined(parameters=[Parameter("p", kind, SAME)])
    assert definition.read_parameters({"p": good}) == {"p": good}
    for wrong in ({"p": bad}, {"p": f"{good}\n"}, {}, {"p": good, "q": good}):
        with pytest.raises(ParameterRefused):
            definition.read_parameters(wrong)


def test_an_id_is_written_in_one_way() -> None:
    definition = defined(parameters=[Parameter("p", "id", SAME, required=False)])
    given_id = "6F7C3B1A-0C5E-5D0E-9D0B-5A1E4C7E2D10"
    assert definition.read_parameters({"p": given_id}) == {"p": given_id.lower()}
    assert definition.read_parameters({}) == {}


def test_an_older_shape_is_brought_to_the_one_that_is_read_step_by_step() -> None:
    definition, seen = defined(), []

    @definition.takes("thing.happened", version=3)
    def happened(state: State, at: Fact) -> None:
        seen.append(at.fields)

    @definition.older("thing.happened", version=1)
    def first(fields: Mapping[str, Any]) -> dict[str, Any]:
        return {**fields, "second": True}

    @definition.older("thing.happened", version=2)
    def second(fields: Mapping[str, Any]) -> dict[str, Any]:
        return {**fields, "third": True}

    for version in (1, 2, 3):
        definition.take(State({}, {}), fact(version=version))
    assert seen == [{"second": True, "third": True}, {"third": True}, {}]


@pytest.mark.parametrize("version", [1, 3])
def test_a_shape_that_is_not_read_ends_the_report(version: int) -> None:
    definition = defined()

    @definition.takes("thing.happened", version=2)
    def happened(state: State, at: Fact) -> None:
        return None

    with pytest.raises(UnknownShape, match=r"position 1: thing\.happened"):
        definition.take(State({}, {}), fact(version=version))
    definition.take(State({}, {}), fact(name="other.happened", version=9))


AMOUNTS = st.dictionaries(st.tuples(st.sampled_from("abc")), st.integers(-5, 5))


@given(st.lists(st.tuples(AMOUNTS, AMOUNTS)))
def test_the_sums_are_what_the_moves_add_up_to(changes: list[tuple[dict[Any, int], dict[Any, int]]]) -> None:
    tally = Tally()
    tally.moves = []
    for number, (before, after) in enumerate(changes, 1):
        tally.move(fact(number), before, after)
    for key in [("a",), ("b",), ("c",)]:
        assert tally.of(*key) == sum(one.amount for one in tally.moves if one.key == key)
        assert tally.of(*key) == sum(after.get(key, 0) - before.get(key, 0) for before, after in changes)
    assert 0 not in tally.sums.values()


@pytest.mark.parametrize(
    ("part", "whole", "shown"), [(1, 3, "33.3"), (1, 2000, "0.1"), (2, 3, "66.7"), (0, 5, "0.0"), (7, 7, "100.0")]
)
def test_a_share_is_an_exact_text(part: int, whole: int, shown: str) -> None:
    assert percent(part, whole) == shown


def test_a_share_of_nothing_is_nothing() -> None:
    assert percent(0, 0) is None


def test_a_day_is_that_of_viet_nam() -> None:
    last = kit.microseconds("2020-08-31T16:59:59.999999Z")
    assert (kit.day_of(last), kit.day_of(last + 1)) == ("2020-08-31", "2020-09-01")
    assert kit.month_of(last + 1) == "2020-09"
    assert kit.instant_of(last) == "2020-08-31T16:59:59.999999Z"
    assert kit.instant_of(0) == "1970-01-01T00:00:00.000000Z"


def test_a_figure_of_a_kind_that_does_not_exist_is_refused() -> None:
    result = Result([Section("s", SAME, figures=[Figure("f", SAME, "float", "1.5")])])
    with pytest.raises(ValueError, match="is not of the kind float"):
        files_of(defined(), {}, result)
