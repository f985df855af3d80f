"""Reads sealed objects as docs/recording-formats.md tells, and from that page alone: imports nothing of the product."""

from __future__ import annotations

import base64
import hashlib
import json

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.keywrap import aes_key_unwrap


def data_key(key_object: bytes, master_file: str) -> bytes:
    wrapped = json.loads(key_object)
    masters = dict(line.split() for line in master_file.splitlines() if line)
    return aes_key_unwrap(base64.b64decode(masters[wrapped["master"]]), bytes.fromhex(wrapped["wrapped"]))


def key_id(sealed: bytes) -> str:
    size = int.from_bytes(sealed[8:12], "big")
    return str(json.loads(sealed[12 : 12 + size])["key"])


def read(sealed: bytes, key: bytes) -> tuple[bytes, bytes, bool]:
    """The plain bytes, the final hash, and whether the end is there."""
    assert sealed[:8] == b"TELESEAL"
    size = int.from_bytes(sealed[8:12], "big")
    head = json.loads(sealed[12 : 12 + size])
    assert head["format"] == 1
    derived = HKDF(SHA256(), 64, bytes.fromhex(head["salt"]), b"telehealth sealed object 1").derive(key)
    assert derived[32:].hex() == head["commitment"]
    at, previous = 12 + size, hashlib.sha256(sealed[: 12 + size]).digest()
    number, ended = 0, False
    plain = bytearray()
    while not ended and at + 53 <= len(sealed):
        length = int.from_bytes(sealed[at : at + 4], "big")
        if at + 53 + length > len(sealed):
            break
        start, body = sealed[at : at + 53], sealed[at + 53 : at + 53 + length]
        assert int.from_bytes(start[5:13], "big") == number
        assert int.from_bytes(start[13:21], "big") == len(plain)
        assert start[21:] == previous
        plain += AESGCM(derived[:32]).decrypt(number.to_bytes(12, "big"), body, start)
        previous = hashlib.sha256(start + body).digest()
        ended = start[4] == 1
        at, number = at + 53 + length, number + 1
    return bytes(plain), previous, ended
