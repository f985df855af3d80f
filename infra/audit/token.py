"""Keys that never leave a hardware token: signed with over PKCS#11, named by a URI of RFC 7512 in the key file.

Rules: a line such as `pkcs11:token=log;object=2026?module-path=/usr/lib/libpkcs11.so&pin-source=file:/run/log.pin`
stands for a key where otherwise its secret would stand. The PIN lies in a file that its owner alone can read, never in
the line. A token that does not answer raises TokenFailed and is opened anew at the next signature, so that a token
pulled out and put back needs no restart; nothing is signed by another key instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, unquote

import pkcs11
from pkcs11.util.ec import encode_named_curve_parameters

from projections.audit._keys import Kind, PublicKey, signature_of
from projections.audit._note import Signature

SCHEME = "pkcs11:"
# Curve Ed25519 by its object identifier (RFC 8410).
ED25519 = "1.3.101.112"
KEY_SIZE = 32
# What the library raises when a token, its session or its module fails.
FAULTS = (pkcs11.exceptions.PKCS11Error, RuntimeError)
KINDS = (Kind.ED25519, Kind.ED25519_COSIGNATURE)


class TokenFailed(Exception):
    """The token did not sign: it is not there, locked, or does not hold the key. The message never holds the PIN."""


class NotATokenKey(ValueError):
    """The line names no key of a token in a form that is known here."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a key lies: the module that talks to the token, the token's label, the key's label, and the PIN's file."""

    module: Path
    token: str
    label: str
    pin_file: Path

    @staticmethod
    def read(line: str) -> Place:
        """Raises NotATokenKey."""
        path, _, query = line.strip().removeprefix(SCHEME).partition("?")
        parts = {name: unquote(value) for name, _, value in (part.partition("=") for part in path.split(";"))}
        asked: Mapping[str, str] = dict(parse_qsl(query.replace("+", "%2B")))
        missing = [name for name in ("token", "object") if not parts.get(name)]
        missing += [name for name in ("module-path", "pin-source") if not asked.get(name)]
        if missing:
            raise NotATokenKey(f"the key of a token needs {', '.join(missing)}")
        if "pin-value" in asked:
            raise NotATokenKey("a PIN does not stand in the line: put it in a file and name that as pin-source")
        return Place(
            Path(asked["module-path"]), parts["token"], parts["object"], Path(asked["pin-source"].removeprefix("file:"))
        )

    def text(self) -> str:
        path = f"token={quote(self.token, safe='')};object={quote(self.label, safe='')}"
        return f"{SCHEME}{path}?module-path={quote(str(self.module))}&pin-source=file:{quote(str(self.pin_file))}"

    def pin(self) -> str:
        """Raises TokenFailed."""
        try:
            if self.pin_file.stat().st_mode & 0o077:
                raise TokenFailed(f"{self.pin_file.name} can be read by others than its owner")
            return self.pin_file.read_text().strip()
        except OSError as fault:
            raise TokenFailed(f"{self.pin_file.name}: {fault.strerror}") from None

    def open(self) -> pkcs11.Session:
        """Raises TokenFailed."""
        pin = self.pin()
        try:
            library = pkcs11.lib(str(self.module))
            try:
                return library.get_token(token_label=self.token).open(rw=True, user_pin=pin)
            except FAULTS:
                # A token that was plugged in since is seen only after this, which ends the sessions of other keys too.
                library.reinitialize()
                return library.get_token(token_label=self.token).open(rw=True, user_pin=pin)
        except FAULTS as fault:
            raise TokenFailed(f"the token {self.token} does not open: {type(fault).__name__}") from None


@dataclass(slots=True, eq=False)
class TokenKey:
    """A SigningKey whose secret stays in the token. Opened at once, so that its public half is known."""

    name: str
    kind: Kind
    place: Place
    public: PublicKey = field(init=False)
    _session: pkcs11.Session | None = field(init=False, default=None, repr=False)
    _private: Any = field(init=False, default=None, repr=False)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise NotATokenKey("tokens hold Ed25519 keys alone")
        self.public = PublicKey(self.name, self.kind, self._open())

    def text(self) -> str:
        return self.place.text()

    def sign(self, text: str, time: int = 0) -> Signature:
        """Raises TokenFailed."""
        if self._private is None and self._open() != self.public.content:
            self._close()
            raise TokenFailed(f"the token {self.place.token} holds another key as {self.place.label} than before")
        return signature_of(self.public, self._signed, text, time)

    def _signed(self, message: bytes) -> bytes:
        assert self._private is not None
        try:
            return bytes(self._private.sign(message, mechanism=pkcs11.Mechanism.EDDSA))
        except FAULTS as fault:
            self._close()
            raise TokenFailed(f"the token {self.place.token} did not sign: {type(fault).__name__}") from None

    def _open(self) -> bytes:
        """The public half, from the token. Raises TokenFailed."""
        self._session = self.place.open()
        try:
            self._private = self._session.get_key(pkcs11.ObjectClass.PRIVATE_KEY, label=self.place.label)
            public = self._session.get_key(pkcs11.ObjectClass.PUBLIC_KEY, label=self.place.label)
            # An octet string around the 32 bytes, as the standard says, or the bytes alone, as some tokens answer.
            return bytes(public[pkcs11.Attribute.EC_POINT])[-KEY_SIZE:]
        except FAULTS as fault:
            self._close()
            reason = type(fault).__name__
            raise TokenFailed(f"the token {self.place.token} shows no key {self.place.label}: {reason}") from None

    def _close(self) -> None:
        session, self._session, self._private = self._session, None, None
        try:
            if session is not None:
                session.close()
        except FAULTS:
            # It is gone with its token; there is nothing left to close.
            return


def make(place: Place) -> None:
    """Have the token make the key, unless it holds one of that label already. Raises TokenFailed."""
    session = place.open()
    try:
        if list(session.get_objects({pkcs11.Attribute.LABEL: place.label})):
            return
        curve = session.create_domain_parameters(
            pkcs11.KeyType.EC_EDWARDS,
            {pkcs11.Attribute.EC_PARAMS: encode_named_curve_parameters(ED25519)},
            local=True,
        )
        curve.generate_keypair(mechanism=pkcs11.Mechanism.EC_EDWARDS_KEY_PAIR_GEN, store=True, label=place.label)
    except FAULTS as fault:
        raise TokenFailed(f"the token {place.token} made no key: {type(fault).__name__}") from None
    finally:
        session.close()
