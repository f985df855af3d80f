"""The witness: cosigns what a log has signed, if it has grown from what the witness cosigned before.

Rules: it is a service of its own, with its own key and its own state, and trusts nothing but the public keys of the
logs it was given (C2SP tlog-witness). What it has seen is on the disk before it answers. A fork, a set-back or a forged
note is refused and kept. Its word is: this is the largest tree of that log that I have seen, and all smaller ones that
I have cosigned are its beginning.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from infra.audit import keys
from infra.audit.witness_state import Seen, WitnessState
from infra.health import Vitals
from infra.measures import WITNESS_REFUSALS
from infra.serving import bound_socket, serving
from infra.settings import Settings
from projections.audit._checkpoint import Checkpoint, NotACheckpoint, read_checkpoint, read_number
from projections.audit._keys import Forged, PublicKey, SigningKey, check_checkpoint
from projections.audit._note import NotANote, read_base64, read_note
from projections.audit._tree import EMPTY_ROOT, HASH_SIZE, ProofRefused, check_consistency

LARGEST_REQUEST = 64 * 1024
LONGEST_PROOF = 63
SIZE_TYPE = "text/x.tlog.size"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    text: str
    media_type: str = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Asked:
    """An `add-checkpoint` as it was sent."""

    old: int
    proof: Sequence[bytes]
    note: str


class Malformed(ValueError):
    """The request is not of the form of C2SP tlog-witness."""


class Witness:
    """`log_keys` is asked at each request, so that a log's next key is known without a restart."""

    def __init__(
        self, state: WitnessState, own: Sequence[SigningKey], log_keys: Callable[[], Sequence[PublicKey]]
    ) -> None:
        self._state, self._own, self._log_keys = state, own, log_keys

    def add_checkpoint(self, body: bytes) -> Answer:
        try:
            asked = read_request(body)
            origin = read_checkpoint(read_note(asked.note).text).origin
        except (Malformed, NotANote, NotACheckpoint) as fault:
            return Answer(400, f"{fault}\n")
        trusted = [key for key in self._log_keys() if key.name == origin]
        if not trusted:
            return self._refused(404, "unknown log", asked)
        try:
            checkpoint, _ = check_checkpoint(asked.note, trusted)
        except Forged:
            return self._refused(403, "forged", asked)
        if asked.old > checkpoint.size:
            return Answer(400, "the old size is larger than the checkpoint\n")
        refusal = self._see(asked, checkpoint)
        return self._cosigned(checkpoint) if refusal is None else refusal

    def latest(self, origin: str) -> Answer:
        """The last checkpoint seen of a log, for its ledger after a restart, and for whoever watches."""
        seen = self._state.seen(origin)
        return Answer(404, "never seen\n") if seen is None else Answer(200, seen.note)

    def _see(self, asked: Asked, checkpoint: Checkpoint) -> Answer | None:
        """Compare and write down in one step; answers the refusal, if there is one."""
        refusal: tuple[int, str] | None = None
        with self._state.transaction():
            seen = self._state.seen(checkpoint.origin) or Seen(0, EMPTY_ROOT, "")
            if asked.old != seen.size:
                # Usual when an answer was lost; a smaller tree is a set-back, whatever it says about the old one.
                refusal = (409, "set back" if checkpoint.size < seen.size else "other old size")
            elif checkpoint.size == seen.size and checkpoint.root != seen.root:
                refusal = (409, "fork")
            else:
                try:
                    check_consistency(asked.old, checkpoint.size, seen.root, checkpoint.root, asked.proof)
                    self._state.see(checkpoint.origin, Seen(checkpoint.size, checkpoint.root, asked.note))
                except ProofRefused:
                    refusal = (422, "fork")
        if refusal is None:
            return None
        status, reason = refusal
        if reason == "other old size":
            return Answer(409, f"{seen.size}\n", SIZE_TYPE)
        told = self._refused(status, reason, asked, checkpoint)
        return Answer(409, f"{seen.size}\n", SIZE_TYPE) if reason == "set back" else told

    def _refused(self, status: int, reason: str, asked: Asked, checkpoint: Checkpoint | None = None) -> Answer:
        origin, size = (checkpoint.origin, checkpoint.size) if checkpoint else (None, None)
        self._state.refuse(reason, origin, size, asked.note)
        WITNESS_REFUSALS.labels(reason).inc()
        log.error("witness_refused", reason=reason, status=status)
        return Answer(status, f"{reason}\n")

    def _cosigned(self, checkpoint: Checkpoint) -> Answer:
        text, now = checkpoint.text(), int(time.time())
        return Answer(200, "".join(key.sign(text, now).line() for key in self._own))


def read_request(body: bytes) -> Asked:
    """Raises Malformed."""
    try:
        head, divider, note = body.decode().partition("\n\n")
    except UnicodeDecodeError as fault:
        raise Malformed("not UTF-8") from fault
    first, *hashes = head.split("\n")
    if not divider or not first.startswith("old ") or len(hashes) > LONGEST_PROOF:
        raise Malformed("an old size, at most 63 hashes, an empty line and a checkpoint are asked for")
    try:
        found = Asked(read_number(first.removeprefix("old ")), [read_base64(one) for one in hashes], note)
    except (NotACheckpoint, NotANote) as fault:
        raise Malformed(str(fault)) from fault
    if any(len(one) != HASH_SIZE for one in found.proof):
        raise Malformed("a hash has 32 bytes")
    return found


def witness_app(witness: Witness) -> Starlette:
    """The two answers over HTTP. What is asked of the disk is asked in a thread."""

    async def add_checkpoint(request: Request) -> Response:
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > LARGEST_REQUEST:
                return Response("too large\n", 413)
        return _response(await asyncio.to_thread(witness.add_checkpoint, body))

    async def latest(request: Request) -> Response:
        return _response(await asyncio.to_thread(witness.latest, request.query_params.get("origin", "")))

    return Starlette(routes=[Route("/add-checkpoint", add_checkpoint, methods=["POST"]), Route("/latest", latest)])


def _response(answer: Answer) -> Response:
    # Starlette adds a charset to every text type, and the size has to be of exactly its own.
    return Response(answer.text, answer.status, headers={"content-type": answer.media_type})


async def main(settings: Settings, vitals: Vitals, stop: asyncio.Event) -> None:
    """The process `witness`; needs neither the database nor Kafka."""
    own = keys.witness_keys(settings)
    state = WitnessState(keys.witness_folder(settings.data) / "seen.sqlite")
    witness = Witness(state, own, lambda: keys.public_keys(keys.log_key_file(settings)))
    sock = bound_socket(settings.witness_port, settings.listen_address)
    try:
        async with serving(witness_app(witness), sock) as url:
            vitals.details.update(url=url, name=settings.witness_name)
            vitals.started()
            while not stop.is_set():
                vitals.details["refusals"] = await asyncio.to_thread(state.refusals)
                try:
                    async with asyncio.timeout(2):
                        await stop.wait()
                except TimeoutError:
                    continue
    finally:
        state.close()
