"""The ledger's side of a witness (C2SP tlog-witness): ask it to cosign a checkpoint, and take only what it may say.

Rules: a witness that is away delays nobody: the checkpoint is published without it, and the next one asks again. A
witness that says that it has seen a larger tree, or another one, is never passed over: either the log was set back, or
two logs are signed with one key.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Sequence
from typing import Any

import httpx

from projections.audit._checkpoint import Checkpoint, NotACheckpoint, read_number
from projections.audit._keys import Forged, PublicKey
from projections.audit._note import NotANote, Note, Signature, read_note, read_signatures

TIMEOUT_S = 0.6
PAUSE_S = 2.0
SIZE_TYPE = "text/x.tlog.size"

# From a size that the witness knows, the hashes that show that today's tree has grown from it.
Prove = Callable[[int], Sequence[bytes]]


class WitnessDisagrees(RuntimeError):
    """The witness has seen another tree than the one that is to be signed."""


class Cosigner:
    """One witness as the ledger sees it. `state` is told to operators."""

    def __init__(self, url: str, keys: Callable[[], Sequence[PublicKey]]) -> None:
        self._url, self._keys = url.rstrip("/"), keys
        self._client = httpx.AsyncClient(timeout=TIMEOUT_S, trust_env=False)
        self._known_size = 0
        self._not_before = 0.0
        self.state = "not asked yet"

    async def close(self) -> None:
        await self._client.aclose()

    async def latest(self, origin: str) -> str | None:
        """The last checkpoint that it has cosigned for the log; None when it has none or is away."""
        answer = await self._ask("GET", "/latest", params={"origin": origin})
        return None if answer is None or answer.status_code != 200 else answer.text

    async def cosign(self, checkpoint: Checkpoint, note: str, prove: Prove) -> Sequence[Signature]:
        """The cosignatures, none when the witness is away. Raises WitnessDisagrees."""
        for _ in range(2):
            answer = await self._ask("POST", "/add-checkpoint", content=request(self._known_size, prove, note))
            if answer is None:
                return []
            if answer.status_code == 200:
                return self._taken(checkpoint, answer.text)
            if answer.status_code == 409 and answer.headers.get("content-type") == SIZE_TYPE:
                self._known_size = _size(answer.text)
                if self._known_size <= checkpoint.size:
                    continue
                raise WitnessDisagrees(f"it has cosigned {self._known_size} events, the log has {checkpoint.size}")
            self.state = f"refuses: {answer.status_code} {answer.text.strip()[:100]}"
            if answer.status_code in (409, 422):
                raise WitnessDisagrees("it has cosigned a tree from which this one has not grown")
            self._not_before = time.monotonic() + PAUSE_S
            return []
        return []

    def _taken(self, checkpoint: Checkpoint, lines: str) -> Sequence[Signature]:
        """Those lines that known keys made, all of them right."""
        found = []
        try:
            for signature in read_signatures(lines):
                for key in self._keys():
                    if key.made(signature):
                        key.check(checkpoint.text(), signature)
                        found.append(signature)
        except (NotANote, Forged) as fault:
            self.state = f"answers wrongly: {fault}"
            return []
        self._known_size = checkpoint.size
        self.state = "cosigns" if found else "answers with unknown keys"
        return found

    async def _ask(self, method: str, path: str, **more: Any) -> httpx.Response | None:
        if time.monotonic() < self._not_before:
            return None
        try:
            return await self._client.request(method, self._url + path, **more)
        except httpx.HTTPError as fault:
            self.state = f"away: {type(fault).__name__}"
            self._not_before = time.monotonic() + PAUSE_S
            return None


def request(old: int, prove: Prove, note: str) -> bytes:
    """The body of an `add-checkpoint`."""
    hashes = "".join(f"{base64.b64encode(one).decode()}\n" for one in prove(old))
    return f"old {old}\n{hashes}\n{note}".encode()


def cosigned(note: str, signatures: Sequence[Signature]) -> str:
    known = read_note(note)
    return Note(known.text, [*known.signatures, *signatures]).encoded()


def _size(text: str) -> int:
    try:
        return read_number(text.strip())
    except NotACheckpoint as fault:
        raise WitnessDisagrees("it says a size that is none") from fault
