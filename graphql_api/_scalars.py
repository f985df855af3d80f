"""Scalars: those of GraphQL's usual kind, and four of our own."""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NewType

import strawberry
from graphql import GraphQLError
from strawberry.types.scalar import ScalarDefinition

Position = NewType("Position", int)
RtpTimestamp = NewType("RtpTimestamp", int)
Json = NewType("Json", object)
MOST_SAFE_INTEGER = 2**53 - 1
LARGEST_RTP_TIMESTAMP = 2**32 - 1
FIRST_YEAR, LAST_YEAR = 1800, 9000
DECIMAL = re.compile(r"[+-]?\d{1,40}(\.\d{1,40})?", re.ASCII)


def _position(value: Any) -> Position:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MOST_SAFE_INTEGER:
        raise GraphQLError("a position is a whole number from 0 on")
    return Position(value)


def _rtp_timestamp(value: Any) -> RtpTimestamp:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= LARGEST_RTP_TIMESTAMP:
        raise GraphQLError("an RTP time stamp is a whole number from 0 to 4294967295")
    return RtpTimestamp(value)


def _time(value: Any) -> datetime:
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError) as fault:
        raise GraphQLError("a time is written as in ISO 8601, such as 2020-08-27T09:00:00+07:00") from fault
    if moment.tzinfo is None:
        raise GraphQLError("a time names its offset from UTC, such as +07:00 or Z")
    _within_reason(moment.date())
    return moment


def _text(value: Any) -> str:
    # Values inside JSON columns are text already.
    return value if isinstance(value, str) else value.isoformat()


def _date(value: Any) -> date:
    try:
        day = date.fromisoformat(value)
    except (TypeError, ValueError) as fault:
        raise GraphQLError("a day is written as in ISO 8601, such as 2020-08-27") from fault
    _within_reason(day)
    return day


def _within_reason(day: date) -> None:
    """Far from both ends of the calendar, so that no time zone and no period leads over them."""
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise GraphQLError(f"the year lies from {FIRST_YEAR} to {LAST_YEAR}")


def _decimal(value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, str | int) or not DECIMAL.fullmatch(str(value)):
        raise GraphQLError("a decimal number is written as text, such as '37.5'")
    return Decimal(value)


SCALARS: dict[object, ScalarDefinition] = {
    Position: strawberry.scalar(
        name="Position",
        description="The place of an event in the log: 1, 2, 3 … without a hole. A JSON integer below 2^53.",
        serialize=int,
        parse_value=_position,
    ),
    # Int ends at 2^31, and half of all streams begin behind it.
    RtpTimestamp: strawberry.scalar(
        name="RtpTimestamp",
        description="The time stamp of a frame in RTP, as a JSON integer from 0 to 4294967295.",
        serialize=int,
        parse_value=_rtp_timestamp,
    ),
    Json: strawberry.scalar(
        name="JSON", description="Any JSON value.", serialize=lambda value: value, parse_value=lambda value: value
    ),
    datetime: strawberry.scalar(
        name="DateTime", description="A moment in ISO 8601 with its offset.", serialize=_text, parse_value=_time
    ),
    date: strawberry.scalar(name="Date", description="A day in ISO 8601.", serialize=_text, parse_value=_date),
    Decimal: strawberry.scalar(
        name="Decimal",
        description="A decimal number as text, so that no digit is lost.",
        serialize=str,
        parse_value=_decimal,
    ),
}
