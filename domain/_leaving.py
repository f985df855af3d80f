"""How a field leaves to analysts who may not see patients: a mark in its annotation, or the rule of its type.

Rules: the mark stands on the event, so that whoever adds a field decides about it, and no consumer does. A mark says
the most that may leave: a later one in the annotation takes the place of an earlier one.
"""

from __future__ import annotations

from enum import StrEnum


class Leaves(StrEnum):
    """What of a field's content leaves."""

    DROPPED = "dropped"
    PSEUDONYM = "pseudonym"
    TO_THE_MINUTE = "to the minute"
    TO_THE_MONTH = "to the month"
    BIRTH_BAND = "birth band"
    CATEGORY = "category"
    AS_IT_IS = "as it is"
