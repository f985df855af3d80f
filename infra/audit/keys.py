"""Key files of the log and of the witness.

Rules: a private key lies in a file that its owner alone can read, one key a line, and every line signs: so a key is
replaced by adding the next one, letting both sign until everybody knows it, and retiring the old one. A line is the
secret itself, or the URI of a key in a hardware token (infra/audit/token.py). In development
a missing file is made at first start; in production it is made by `telehealth audit rotate` and never by accident.
Public keys are kept for ever, because what an old key has signed has to be checked for ever.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from pathlib import Path

from infra.audit import token
from infra.local.files import write_atomically, write_once
from infra.settings import Settings
from projections.audit._keys import (
    SEED_SIZE,
    Kind,
    NotAKey,
    PrivateKey,
    PublicKey,
    SigningKey,
    read_private_key,
    read_public_key,
)

COSIGNING = (Kind.ED25519_COSIGNATURE, Kind.ML_DSA_44_COSIGNATURE)


class KeyRefused(Exception):
    """A key file is missing, readable by others, or holds what is no key; the message never holds a secret."""


def audit_folder(data: Path) -> Path:
    """What an auditor may copy lies in here under `log/`; the private keys lie beside it."""
    return data / "audit"


def log_keys(settings: Settings) -> Sequence[SigningKey]:
    """The keys that sign checkpoints; their public halves are put where witnesses of this machine look for them."""
    keys = _private_keys(audit_folder(settings.data) / "log.key", settings.audit_origin, (Kind.ED25519,), settings)
    remember(log_key_file(settings), keys)
    return keys


def receipt_keys(settings: Settings) -> Sequence[SigningKey]:
    """The keys of the API's receipts. They are not the log's: an API that is broken into can sign no checkpoint."""
    origin = receipts_origin(settings.audit_origin)
    keys = _private_keys(audit_folder(settings.data) / "receipts.key", origin, (Kind.ED25519,), settings)
    remember(audit_folder(settings.data) / "receipts.vkeys", keys)
    return keys


def witness_keys(settings: Settings) -> Sequence[SigningKey]:
    keys = _private_keys(witness_folder(settings.data) / "witness.key", settings.witness_name, COSIGNING, settings)
    remember(witness_folder(settings.data) / "witness.vkeys", keys)
    return keys


def receipts_origin(origin: str) -> str:
    return f"{origin}/receipts"


def witness_folder(data: Path) -> Path:
    """The witness's own: nothing else reads its key or writes its state."""
    return data / "witness"


def log_key_file(settings: Settings) -> Path:
    """Where a witness finds the public keys of the logs that it cosigns."""
    return settings.witness_log_keys or audit_folder(settings.data) / "log.vkeys"


def witness_key_file(settings: Settings) -> Path:
    """Where the ledger finds the public keys of the witnesses whose cosignatures it takes."""
    return settings.audit_witness_keys or witness_folder(settings.data) / "witness.vkeys"


def public_keys(file: Path) -> Sequence[PublicKey]:
    """The keys of a file, one a line; none when there is no file. Raises KeyRefused."""
    try:
        lines = file.read_text().splitlines()
    except FileNotFoundError:
        return []
    try:
        return [read_public_key(line) for line in lines if line.strip() and not line.startswith("#")]
    except NotAKey as fault:
        raise KeyRefused(f"{file.name}: {fault}") from None


def remember(file: Path, keys: Sequence[SigningKey]) -> None:
    """Add the public halves to a file that only grows."""
    known = [key.text() for key in public_keys(file)]
    new = [key.public.text() for key in keys if key.public.text() not in known]
    if new:
        write_atomically(file, "".join(f"{line}\n" for line in [*known, *new]), mode=0o644)


def rotate(
    file: Path, name: str, kinds: Sequence[Kind] = (Kind.ED25519,), place: token.Place | None = None
) -> Sequence[PublicKey]:
    """Add a new key of each kind: from the next start on both the old ones and these sign.

    With a `place` one key is added, which the token makes and keeps. Raises KeyRefused.
    """
    new: Sequence[SigningKey] = (
        [_fresh(name, kind) for kind in kinds] if place is None else [_made_in_token(name, kinds[0], place)]
    )
    old = _read(file, name, kinds) if file.exists() else []
    known = {key.public.key_id for key in old}
    added = [key for key in new if key.public.key_id not in known]
    write_atomically(file, "".join(f"{key.text()}\n" for key in (*old, *added)))
    return [key.public for key in new]


def retire(file: Path, key_id: str, name: str, kinds: Sequence[Kind] = (Kind.ED25519,)) -> None:
    """Remove a key that another one has replaced. Raises KeyRefused when none of its kind would be left."""
    keys = _read(file, name, kinds)
    gone = next((key for key in keys if key.public.key_id.hex() == key_id), None)
    if gone is None or not any(key.kind is gone.kind for key in keys if key is not gone):
        raise KeyRefused(f"{file.name} holds no key {key_id} that another one has replaced")
    write_atomically(file, "".join(f"{key.text()}\n" for key in keys if key is not gone))


def _private_keys(file: Path, name: str, kinds: Sequence[Kind], settings: Settings) -> Sequence[SigningKey]:
    if not file.exists():
        if settings.production:
            raise KeyRefused(f"{file.name} is missing: make it with `telehealth audit rotate`")
        write_once(file, "".join(f"{_fresh(name, kind).text()}\n" for kind in kinds))
    keys = _read(file, name, kinds)
    if not keys or any(key.name != name or key.kind not in kinds for key in keys):
        raise KeyRefused(f"{file.name} holds keys of another name or kind than {name}")
    return keys


def _read(file: Path, name: str, kinds: Sequence[Kind]) -> Sequence[SigningKey]:
    if file.stat().st_mode & 0o077:
        raise KeyRefused(f"{file.name} can be read by others than its owner")
    try:
        return [_key(line, name, kinds[0]) for line in file.read_text().splitlines() if line.strip()]
    except (NotAKey, token.NotATokenKey, token.TokenFailed) as fault:
        raise KeyRefused(f"{file.name}: {fault}") from None


def _key(line: str, name: str, kind: Kind) -> SigningKey:
    """A token's key does not say for whom it signs: it signs for the name whose file it stands in."""
    if line.startswith(token.SCHEME):
        return token.TokenKey(name, kind, token.Place.read(line))
    return read_private_key(line)


def _made_in_token(name: str, kind: Kind, place: token.Place) -> SigningKey:
    try:
        token.make(place)
        return token.TokenKey(name, kind, place)
    except (token.TokenFailed, token.NotATokenKey) as fault:
        raise KeyRefused(str(fault)) from None


def _fresh(name: str, kind: Kind) -> PrivateKey:
    return PrivateKey(name, kind, secrets.token_bytes(SEED_SIZE))
