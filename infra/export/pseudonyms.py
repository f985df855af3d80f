"""Pseudonyms of people: the same person has the same one in every file of an export, and no file tells who it is.

Rules: a pseudonym is a keyed hash, so that nobody without the key can try all ids; the key lies beside the data of the
product, readable by its owner only, and never in an export. Whoever deletes it makes later exports unlinkable with
earlier ones.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from uuid import UUID

from infra.local.files import write_once

KEY_BYTES = 32
REMEMBERED = 50_000


class Pseudonyms:
    """`name` says which key it was, without telling the key."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self.name = self._of("the name of the key")[:8]
        self.of: Callable[[UUID], str] = lru_cache(REMEMBERED)(lambda id_: self._of(str(id_)))

    @classmethod
    def kept_in(cls, folder: Path) -> Pseudonyms:
        """With the key of this folder, which is made when there is none."""
        return cls(bytes.fromhex(write_once(folder / "pseudonyms.key", secrets.token_hex(KEY_BYTES)).strip()))

    def _of(self, text: str) -> str:
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()[:32]
