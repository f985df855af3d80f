"""Text of an event as it may stand on a page: what a reader cannot see, or what would turn the line round, is named.

Rules: nothing is left out in silence. A character that shows nothing, that changes the direction of others, or that
the font of the printed page does not hold, is written as its code, ‹U+202E›. Line ends stay. A page shows text, and
text never becomes markup: HTML is escaped by its renderer, and the printed page takes texts as data. What a character
is, is asked of Unicode 3.2, which is the same in every version of Python, so that a page has the same bytes in all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from unicodedata import ucd_3_2_0 as unicode

# Letters and signs that the printed page's font holds, tried one by one by the tests: Latin with the Vietnamese
# letters, Greek and Cyrillic, and the signs of clinical writing.
PRINTED = (
    (0x20, 0x7E),
    (0xA0, 0xAC),
    (0xAE, 0x17F),
    (0x1A0, 0x1A1),
    (0x1AF, 0x1B0),
    (0x300, 0x304),
    (0x306, 0x30C),
    (0x31B, 0x31B),
    (0x323, 0x323),
    (0x391, 0x3A1),
    (0x3A3, 0x3C9),
    (0x401, 0x401),
    (0x410, 0x44F),
    (0x451, 0x451),
    (0x1EA0, 0x1EF9),
    (0x2010, 0x2015),
    (0x2018, 0x2022),
    (0x2026, 0x2026),
    (0x2030, 0x2030),
    (0x2032, 0x2033),
    (0x2039, 0x203A),
    (0x2070, 0x2071),
    (0x2074, 0x2079),
    (0x2080, 0x2089),
    (0x20AB, 0x20AC),
    (0x2103, 0x2103),
    (0x2116, 0x2116),
    (0x2122, 0x2122),
    (0x2190, 0x2193),
    (0x2212, 0x2212),
    (0x221A, 0x221A),
    (0x2248, 0x2248),
    (0x2260, 0x2260),
    (0x2264, 0x2265),
)
_PRINTED = frozenset(code for first, last in PRINTED for code in range(first, last + 1))

# Control and format characters, surrogates, private and unassigned ones, and the ends of lines but for the usual one.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})

# Others that show nothing: hyphens and spaces without width, joiners, fillers, and choosers of a form.
_EMPTY: frozenset[str] = frozenset("\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180e\u200b\u2800\u3164\uffa0")
_EMPTY |= frozenset(map(chr, (*range(0x180B, 0x180E), *range(0xFE00, 0xFE10))))
_KEPT = _EMPTY | {"\u00a0"}

LONGEST_WORD = 16
BREAK = "\u200b"


def seen(text: str) -> str:
    """The text with every character visible, whatever font shows it."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_each(unicode.normalize("NFC", text), printed=False))


def printed(text: str) -> str:
    """The text with every character one that the font of the printed page holds."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_each(unicode.normalize("NFC", text), printed=True))


def breakable(letters: str) -> str:
    """With a BREAK wherever a word may be broken that is too long for a line. No legible text holds one itself."""
    return re.sub(rf"\S{{{LONGEST_WORD + 1},}}", _broken, letters)


def _broken(word: re.Match[str]) -> str:
    whole = word[0]
    return BREAK.join(whole[at : at + LONGEST_WORD // 2] for at in range(0, len(whole), LONGEST_WORD // 2))


def _each(text: str, *, printed: bool) -> Iterator[str]:
    for character in text.replace("\r\n", "\n"):
        category = unicode.category(character)
        if character == "\n":
            yield character
        elif character == "\t" or (category == "Zs" and character not in _KEPT):
            yield " "
        elif category in _UNSEEN or character in _EMPTY or (printed and ord(character) not in _PRINTED):
            yield f"‹U+{ord(character):04X}›"
        else:
            yield character
