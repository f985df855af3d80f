"""Numbers that are larger than GraphQL's Int come in and go out as they are, within their bounds."""

from __future__ import annotations

from typing import Any

import pytest
from graphql import GraphQLError

from graphql_api._derive import Types
from graphql_api._scalars import SCALARS, RtpTimestamp


@pytest.mark.parametrize("value", [0, 2**31, 2**32 - 1])
def test_a_time_stamp_of_rtp_may_begin_anywhere(value: int) -> None:
    scalar = SCALARS[RtpTimestamp]
    assert scalar.parse_value is not None
    assert scalar.serialize is not None
    assert scalar.parse_value(value) == scalar.serialize(value) == value


@pytest.mark.parametrize("value", [-1, 2**32, "7", 7.0, True, None])
def test_what_is_no_time_stamp_of_rtp_is_refused(value: Any) -> None:
    scalar = SCALARS[RtpTimestamp]
    assert scalar.parse_value is not None
    with pytest.raises(GraphQLError, match="RTP time stamp"):
        scalar.parse_value(value)


def test_the_name_of_a_field_says_that_its_numbers_are_large() -> None:
    types = Types()
    assert types.output(int, "rtp_timestamp") is RtpTimestamp
    assert types.output(int, "size") is int
