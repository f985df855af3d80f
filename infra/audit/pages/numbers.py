"""Numbers, days and moments as readers of a language write them: 1.234,5 and 27/08/2020, or 1,234.5 and 27 Aug 2020.

Rules: exact digits in, the same digits out. A decimal comes as a string and is never a float; nothing is rounded here.
Every moment is shown in the time of Viet Nam, which keeps UTC+7 all the year, and says so.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, timezone
from enum import StrEnum

VIETNAM_TIME = timezone(timedelta(hours=7))
DECIMAL = re.compile(r"(-?)([0-9]+)(?:\.([0-9]+))?")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Language(StrEnum):
    VI = "vi"
    EN = "en"


def number(digits: int | str, language: Language) -> str:
    """With the language's marks for thousands and decimals. What is no number stays as it is."""
    found = DECIMAL.fullmatch(str(digits))
    if found is None:
        return str(digits)
    thousands, comma = (".", ",") if language is Language.VI else (",", ".")
    sign, whole, part = found.groups()
    grouped = f"{int(whole):,}".replace(",", thousands)
    return f"{sign}{grouped}{comma + part if part else ''}"


def day(value: date, language: Language) -> str:
    if language is Language.VI:
        return f"{value.day:02}/{value.month:02}/{value.year}"
    return f"{value.day} {MONTHS[value.month - 1]} {value.year}"


def month(value: date, language: Language) -> str:
    if language is Language.VI:
        return f"{value.month:02}/{value.year}"
    return f"{MONTHS[value.month - 1]} {value.year}"


def moment(value: datetime, language: Language) -> str:
    """To the second, in the time of Viet Nam."""
    local = value.astimezone(VIETNAM_TIME)
    clock = f"{local.hour:02}:{local.minute:02}:{local.second:02}"
    return f"{clock} {day(local.date(), language)}" if language is Language.VI else f"{day(local, language)} {clock}"
