"""Text as it is compared and searched: without the marks of Vietnamese letters and without case, as people type."""

from __future__ import annotations

import unicodedata


def folded(text: str) -> str:
    """ "Bệnh viện Đà Nẵng" and "benh vien da nang" fold to the same."""
    # đ is a letter of its own and no d with a mark, so that no normal form takes it apart.
    parts = unicodedata.normalize("NFD", text.casefold().replace("đ", "d"))
    return " ".join("".join(letter for letter in parts if not unicodedata.combining(letter)).split())
