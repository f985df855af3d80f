"""What readers search for, in the folded form in which it is kept (domain/_text.py)."""

from __future__ import annotations

from domain._text import folded


def contains(text: str) -> str:
    """The LIKE pattern for a folded column that holds this text anywhere; the text's own signs mean themselves."""
    escaped = folded(text).replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"
