"""Keys that sign notes: the log's (Ed25519), and witnesses' for cosignatures (Ed25519 and, for decades, ML-DSA-44).

Rules: a public key is written as `name+id+key` (C2SP signed-note, "vkey"); a private one in the same form behind
`PRIVATE+KEY+`, with its 32-byte seed. The name of a log's key is the log's origin. Cosignatures carry their time and
are those of C2SP tlog-cosignature. A signature of an unknown key is passed over; a wrong one of a known key damns the
whole note.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from enum import IntEnum
from hashlib import sha256
from struct import pack, unpack
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey

from projections.audit._checkpoint import Checkpoint, NotACheckpoint, read_checkpoint
from projections.audit._note import NotANote, Note, Signature, is_key_name, read_base64, read_note

PRIVATE = "PRIVATE+KEY+"
SEED_SIZE = 32


class Kind(IntEnum):
    """The first byte of a key, which says what its signatures are made over."""

    ED25519 = 0x01
    ED25519_COSIGNATURE = 0x04
    ML_DSA_44_COSIGNATURE = 0x06


PUBLIC_SIZE = {Kind.ED25519: 32, Kind.ED25519_COSIGNATURE: 32, Kind.ML_DSA_44_COSIGNATURE: 1312}


class NotAKey(ValueError):
    """This text is not a key of a kind that is known here."""


class Forged(ValueError):
    """A signature of a known key is wrong, or none of the known keys has signed."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    name: str
    kind: Kind
    content: bytes
    key_id: bytes = field(init=False)

    def __post_init__(self) -> None:
        if not is_key_name(self.name) or len(self.content) != PUBLIC_SIZE[self.kind]:
            raise NotAKey("the name or the length of the key is not allowed")
        digest = sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.content)
        object.__setattr__(self, "key_id", digest.digest()[:4])

    def text(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{_base64(bytes([self.kind]) + self.content)}"

    def made(self, signature: Signature) -> bool:
        """Whether the line says that this key made it."""
        return signature.key_id == self.key_id and signature.name == self.name

    def check(self, text: str, signature: Signature) -> None:
        """Raises Forged."""
        content, time = signature.content, 0
        if self.kind is not Kind.ED25519:
            if len(content) < 8:
                raise Forged("the cosignature has no time")
            (time,), content = unpack(">Q", content[:8]), content[8:]
        try:
            message = signed_message(self.kind, self.name, text, time)
            if self.kind is Kind.ML_DSA_44_COSIGNATURE:
                MLDSA44PublicKey.from_public_bytes(self.content).verify(content, message)
            else:
                Ed25519PublicKey.from_public_bytes(self.content).verify(content, message)
        except (InvalidSignature, NotACheckpoint, ValueError) as fault:
            raise Forged(f"a signature of {self.name} is wrong") from fault


class SigningKey(Protocol):
    """What signs: a key of a file, or one that lies in a token and never leaves it."""

    @property
    def name(self) -> str: ...

    @property
    def kind(self) -> Kind: ...

    @property
    def public(self) -> PublicKey: ...

    def text(self) -> str:
        """The line that stands for the key in a key file."""

    def sign(self, text: str, time: int = 0) -> Signature:
        """`time` in seconds since 1970 is part of a cosignature, and of no other signature."""


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """The seed is a secret: it is in no message and in no representation."""

    name: str
    kind: Kind
    seed: bytes = field(repr=False)
    public: PublicKey = field(init=False)
    _sign: Callable[[bytes], bytes] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.kind is Kind.ML_DSA_44_COSIGNATURE:
            large = MLDSA44PrivateKey.from_seed_bytes(self.seed)
            sign, public = large.sign, large.public_key().public_bytes_raw()
        else:
            small = Ed25519PrivateKey.from_private_bytes(self.seed)
            sign, public = small.sign, small.public_key().public_bytes_raw()  # type: ignore[assignment]
        object.__setattr__(self, "_sign", sign)
        object.__setattr__(self, "public", PublicKey(self.name, self.kind, public))

    def text(self) -> str:
        return f"{PRIVATE}{self.name}+{self.public.key_id.hex()}+{_base64(bytes([self.kind]) + self.seed)}"

    def sign(self, text: str, time: int = 0) -> Signature:
        return signature_of(self.public, self._sign, text, time)


def signature_of(key: PublicKey, sign: Callable[[bytes], bytes], text: str, time: int) -> Signature:
    """The line that the key's owner adds to the text; `sign` is made over what the kind of the key says."""
    content = sign(signed_message(key.kind, key.name, text, time))
    stamp = b"" if key.kind is Kind.ED25519 else pack(">Q", time)
    return Signature(key.name, key.key_id, stamp + content)


def signed_message(kind: Kind, name: str, text: str, time: int) -> bytes:
    """What a signature of this kind is made over. Raises NotACheckpoint where a cosignature needs one."""
    if kind is Kind.ED25519:
        return text.encode()
    checkpoint = read_checkpoint(text)
    if kind is Kind.ED25519_COSIGNATURE:
        return f"cosignature/v1\ntime {time}\n{text}".encode()
    cosigner, origin = name.encode(), checkpoint.origin.encode()
    return (
        b"subtree/v1\n\0"
        + pack("B", len(cosigner))
        + cosigner
        + pack(">QB", time, len(origin))
        + origin
        + pack(">QQ", 0, checkpoint.size)
        + checkpoint.root
    )


def read_public_key(text: str) -> PublicKey:
    """Raises NotAKey, also when the id is not that of the key."""
    name, kind, content, key_id = _parts(text)
    found = PublicKey(name, kind, content)
    if found.key_id != key_id:
        raise NotAKey(f"the id in the key of {name} is that of another key")
    return found


def read_private_key(text: str) -> PrivateKey:
    """Raises NotAKey, which never holds any of the secret."""
    if not text.startswith(PRIVATE):
        raise NotAKey("not a private key")
    name, kind, seed, key_id = _parts(text.removeprefix(PRIVATE))
    if len(seed) != SEED_SIZE:
        raise NotAKey("the seed has not 32 bytes")
    found = PrivateKey(name, kind, seed)
    if found.public.key_id != key_id:
        raise NotAKey(f"the id in the private key of {name} is that of another key")
    return found


def _parts(text: str) -> tuple[str, Kind, bytes, bytes]:
    try:
        # The last part is base64, in which a plus may stand; a name holds none.
        name, key_id, encoded = text.strip().split("+", 2)
        content = read_base64(encoded)
        return name, Kind(content[0]), content[1:], bytes.fromhex(key_id)
    except (ValueError, IndexError, NotANote):
        raise NotAKey("not a key of a known kind") from None


def check_note(encoded: str | bytes, trusted: Collection[PublicKey]) -> tuple[Note, Collection[PublicKey]]:
    """The note, and which of the trusted keys have signed it. Raises NotANote; Forged when that is none of them."""
    note = read_note(encoded)
    signers = signers_of(note, trusted)
    if not signers:
        raise Forged("none of the trusted keys has signed")
    return note, signers


def signers_of(note: Note, trusted: Collection[PublicKey]) -> Collection[PublicKey]:
    """Raises Forged when a signature that names a trusted key is wrong."""
    found = []
    for key in trusted:
        for signature in note.signatures:
            if key.made(signature):
                key.check(note.text, signature)
                found.append(key)
                break
    return found


def check_checkpoint(encoded: str | bytes, log_keys: Collection[PublicKey]) -> tuple[Checkpoint, Note]:
    """A checkpoint that a key of its own origin has signed. Raises NotANote, NotACheckpoint, Forged."""
    note = read_note(encoded)
    checkpoint = read_checkpoint(note.text)
    check_note(encoded, [key for key in log_keys if key.name == checkpoint.origin and key.kind is Kind.ED25519])
    return checkpoint, note


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()
