"""The form of a sealed object, byte by byte, as docs/recording-formats.md tells it to a stranger.

    object  = head record* [directory]
    head    = "TELESEAL" size:u32 json
    record  = size:u32 flags:u8 number:u64 offset:u64 previous:32 bytes sealed
    sealed  = AES-256-GCM(enc key, nonce = 0:u32 number:u64, plain, aad = what stands before it in the record)

Rules: whole numbers are big-endian; `size` of a record counts `sealed`, `offset` is where its plain bytes begin in the
whole, `previous` is the SHA-256 of the record before it, and for the first one of the head. So a record cannot be
changed, left out, doubled or moved; that the end was cut off is told by the missing last record, and by the final
hash, which is the SHA-256 of the last record and is kept elsewhere.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import struct
from dataclasses import dataclass
from typing import Any, Self
from uuid import UUID

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

MAGIC = b"TELESEAL"
HEAD = struct.Struct(">8sI")
RECORD = struct.Struct(">IBQQ32s")
TAG_BYTES = 16
LARGEST_HEAD = 4096
LARGEST_RECORD = 1 << 20
LAST = 1

DIRECTORY_MAGIC = b"TELEDIR1"
DIRECTORY_ENTRY = struct.Struct(">QQ")
DIRECTORY_END = struct.Struct(">Q8s")

_PURPOSE = b"telehealth sealed object 1"


class SealBroken(Exception):
    """The bytes are not those that were sealed, or not with this key; says where, never what."""


@dataclass(frozen=True, slots=True)
class Head:
    """What may be known without a key: which key opens it, and of what kind the plain bytes are."""

    key: UUID
    salt: bytes
    commitment: bytes
    media_type: str

    def __bytes__(self) -> bytes:
        fields = {
            "format": 1,
            "key": str(self.key),
            "salt": self.salt.hex(),
            "commitment": self.commitment.hex(),
            "mediaType": self.media_type,
        }
        text = json.dumps(fields, separators=(",", ":"), sort_keys=True).encode()
        return HEAD.pack(MAGIC, len(text)) + text

    @classmethod
    def parse(cls, start: bytes) -> tuple[Self, int]:
        """The head and its length. Raises SealBroken."""
        if len(start) < HEAD.size:
            raise SealBroken("there is no head")
        magic, size = HEAD.unpack_from(start)
        if magic != MAGIC or size > LARGEST_HEAD or len(start) < HEAD.size + size:
            raise SealBroken("there is no head")
        text = start[HEAD.size : HEAD.size + size]
        try:
            fields: dict[str, Any] = json.loads(text)
            salt, commitment = bytes.fromhex(fields["salt"]), bytes.fromhex(fields["commitment"])
            head = cls(UUID(fields["key"]), salt, commitment, str(fields["mediaType"]))
        except (ValueError, KeyError, TypeError, AttributeError):
            raise SealBroken("the head is damaged") from None
        # Written in one way only, so that no byte of it can differ and mean the same.
        if fields.get("format") != 1 or bytes(head) != start[: HEAD.size + size]:
            raise SealBroken("the head is damaged")
        return head, HEAD.size + size


@dataclass(frozen=True, slots=True)
class Walked:
    """What is whole of an object, found without any key: where its records lie, and where the whole ones end.

    `ended` says that the last record is there; without it the object was cut.
    """

    head: Head
    entries: list[tuple[int, int]]
    size: int
    end: int
    ended: bool
    final_hash: bytes


def fresh_head(key: UUID, data_key: bytes, media_type: str) -> Head:
    """A new salt gives every object, also a second one under the same data key, an encryption key of its own."""
    salt = secrets.token_bytes(16)
    return Head(key, salt, derived(data_key, salt)[1], media_type)


def derived(data_key: bytes, salt: bytes) -> tuple[bytes, bytes]:
    """The encryption key, and the commitment to it: AES-GCM alone would open under more than one key."""
    both = HKDF(SHA256(), 64, salt, _PURPOSE).derive(data_key)
    return both[:32], both[32:]


def nonce(number: int) -> bytes:
    return number.to_bytes(12, "big")


def link(*parts: bytes | memoryview) -> bytes:
    """The hash by which the next record knows this one."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.digest()
