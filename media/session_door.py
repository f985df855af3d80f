"""The door of a whole room: one WebSocket, over which the worker offers a connection that carries everybody.

Rules: the first message says who it is, so that no grant stands in an address or a log; then the worker offers when
there is something to see, and again when more comes, one offer at a time; what each line carries, whose line came to
which rung of the ladder and why, and who speaks, is told as it happens; the media connection ends with the socket, and
the socket with the connection. What is malformed is answered with a code and ends it: nothing is guessed. So does who
says more than any client has to say, and of those who have not said who they are only so many are listened to.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from uuid import UUID

import orjson
from pydantic import ValidationError
from starlette.websockets import WebSocket, WebSocketDisconnect

from infra.media_tokens import Grant, GrantDesk, GrantRefused
from media import rungs
from media.admission import Admission, Crowded
from media.channel_limits import Bucket
from media.engine import MOST_PEERS, Engine
from media.facts import RungChanged
from media.negotiation import LONGEST_OFFER, OfferRefused
from media.placing import Elsewhere, room_for
from media.publisher import Publisher
from media.reporter import SpeakerChanged
from media.room import Room
from media.session_messages import Answer, Hello, Telemetry, understood
from media.subscription import Subscription
from media.tracks import Ended, Kind

HELLO_WITHIN_S, ANSWER_WITHIN_S = 5.0, 15.0
LARGEST_MESSAGE = 2 * LONGEST_OFFER
REFUSED, MALFORMED, TOO_MANY, ENDED, ELSEWHERE = 4401, 4400, 4429, 4410, 4409
MOST_WAITING = 256
MOST_UNKNOWN = 200
"""So many may be about to say who they are; each has five seconds."""
GATHER_S = 0.05
MESSAGES_A_SECOND, MESSAGES_AT_ONCE = 10.0, 60.0


class Refusal(Exception):
    """The socket ends with this close code, after a message with this stable code."""

    def __init__(self, close: int, code: str, text: str, location: str | None = None) -> None:
        super().__init__(text)
        self.close, self.code, self.text, self.location = close, code, text, location


class SessionDoor:
    """Answers `/sessions/{session_id}`."""

    def __init__(self, engine: Engine, desk: GrantDesk, admission: Admission) -> None:
        self._engine, self._desk, self._admission = engine, desk, admission
        self._unknown = 0

    async def serve(self, socket: WebSocket) -> None:
        await socket.accept()
        try:
            grant = await self._known(socket)
            await self._turn()
            await Visit(self._engine, await self._room(grant), socket, grant).last()
        except Refusal as fault:
            with suppress(WebSocketDisconnect, RuntimeError):
                where = {"location": fault.location} if fault.location else {}
                await _say(socket, {"type": "refused", "code": fault.code, "message": fault.text, **where})
                await socket.close(fault.close, fault.code)
        except WebSocketDisconnect:
            return

    async def _known(self, socket: WebSocket) -> Grant:
        if self._unknown >= MOST_UNKNOWN:
            self._engine.turned_away += 1
            raise Refusal(TOO_MANY, "TOO_MANY_JOIN", "Many join at once. Come again.")
        self._unknown += 1
        try:
            return await self._greeted(socket)
        finally:
            self._unknown -= 1

    async def _greeted(self, socket: WebSocket) -> Grant:
        try:
            async with asyncio.timeout(HELLO_WITHIN_S):
                hello = await _next(socket)
        except TimeoutError:
            raise Refusal(REFUSED, "GRANT_MISSING", "Say hello with your grant within five seconds.") from None
        if not isinstance(hello, Hello):
            raise Refusal(MALFORMED, "HELLO_EXPECTED", "The first message says hello, with your grant.")
        try:
            grant = self._desk.verify(hello.token)
        except GrantRefused as fault:
            raise Refusal(REFUSED, fault.code, str(fault) or "The grant is not good.") from fault
        if str(grant.session_id) != socket.path_params["session_id"]:
            raise Refusal(REFUSED, "ANOTHER_SESSION", "This grant is for another session.")
        room = self._engine.rooms.get(grant.session_id)
        if room is not None and grant.participant_id in room.orders.removed:
            raise Refusal(REFUSED, "REMOVED_FROM_THE_ROOM", "The chair sent you out; only the chair lets you back.")
        return grant

    async def _room(self, grant: Grant) -> Room:
        try:
            return await room_for(self._engine, grant.session_id, publishes=False)
        except Elsewhere as where:
            there = f"ws{where.url.removeprefix('http')}/sessions/{grant.session_id}"
            text = "This room is at another worker now. Ask the API for a new ticket, or go there."
            raise Refusal(ELSEWHERE, "ROOM_IS_ELSEWHERE", text, there) from where

    async def _turn(self) -> None:
        if len(self._engine.peers) >= MOST_PEERS:
            raise Refusal(TOO_MANY, "WORKER_FULL", "This worker carries all that it can.")
        try:
            await self._admission.turn()
        except Crowded as crowd:
            self._engine.turned_away += 1
            raise Refusal(TOO_MANY, "TOO_MANY_JOIN", "Many join at once. Come again.") from crowd


class Visit:
    """One client in one room, from its hello to the end of its socket."""

    def __init__(self, engine: Engine, room: Room, socket: WebSocket, grant: Grant) -> None:
        self._engine, self._socket, self._grant = engine, socket, grant
        self._news: asyncio.Queue[Mapping[str, Any]] = asyncio.Queue(MOST_WAITING)
        self._changed = asyncio.Event()
        self._answered = asyncio.Event()
        self._room = room
        self._seat = Subscription(engine, room, grant, self._changed.set, self._noticed)

    async def last(self) -> None:
        """Returns when the client, or the session, has ended it."""
        for participant_id, rung in tuple(self._room.rungs.items())[:MOST_WAITING]:
            self._news.put_nowait(_standing(participant_id, rung.value))
        works = [asyncio.create_task(work) for work in (self._listen(), self._offer(), self._tell(), self._watch())]
        try:
            done, _ = await asyncio.wait(works, return_when=asyncio.FIRST_COMPLETED)
            for one in done:
                one.result()
        finally:
            for one in works:
                one.cancel()
            await asyncio.gather(*works, return_exceptions=True)
            await self._seat.close(Ended.LEFT)

    async def _listen(self) -> None:
        allowance = Bucket(MESSAGES_A_SECOND, MESSAGES_AT_ONCE)
        while True:
            message = await _next(self._socket)
            if not allowance.takes(time.monotonic_ns()):
                raise Refusal(TOO_MANY, "TOO_FAST", "A client has less to say. Come again, and slower.")
            match message:
                case Answer(sdp=sdp):
                    try:
                        await self._seat.accept(sdp)
                    except OfferRefused as fault:
                        raise Refusal(MALFORMED, fault.code, fault.text) from fault
                    self._answered.set()
                case Telemetry() as told:
                    self._limited(told)
                case Hello():
                    raise Refusal(MALFORMED, "HELLO_ONCE", "You have said hello already.")

    async def _offer(self) -> None:
        """An offer whenever there is a track without a line, and what the lines carry whenever that changes."""
        # What is there at the beginning is news to who comes in.
        self._changed.set()
        while True:
            await self._changed.wait()
            self._changed.clear()
            if self._seat.wants_offer:
                # After a worker was lost all come at once, and one offer of many lines costs no more than one of one.
                await asyncio.sleep(GATHER_S)
                await self._offer_once()
                self._changed.set()
            else:
                await self._news.put({"type": "lines", "lines": self._lines()})

    async def _offer_once(self) -> None:
        try:
            sdp = await self._seat.offer()
        except OfferRefused:
            # What was there is gone again.
            return
        self._answered.clear()
        await self._news.put({"type": "offer", "sdp": sdp, "lines": self._lines()})
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                await self._answered.wait()
        except TimeoutError:
            raise Refusal(MALFORMED, "ANSWER_MISSING", "Answer an offer within fifteen seconds.") from None

    async def _tell(self) -> None:
        while True:
            await _say(self._socket, await self._news.get())

    async def _watch(self) -> None:
        """The media connection may end by itself: lost, replaced, or with its session."""
        await self._seat.over.wait()
        raise Refusal(ENDED, "CONNECTION_ENDED", "The media connection has ended. Ask for a new ticket.")

    def _lines(self) -> list[Mapping[str, Any]]:
        return [
            {
                "mid": line.mid,
                "pointId": line.point_id,
                "source": line.source.value,
                "kind": line.kind.value,
                "live": line.live,
            }
            for line in self._seat.lines()
        ]

    def _noticed(self, fact: RungChanged | SpeakerChanged) -> None:
        match fact:
            case SpeakerChanged(point_id=point_id):
                news: Mapping[str, Any] = {"type": "speaker", "pointId": point_id}
            case RungChanged(participant_id=participant_id):
                news = {**_standing(participant_id, fact.rung), "cause": fact.reason, "measured": _numbers(fact)}
                if participant_id == self._grant.participant_id:
                    news = {**news, "send": self._asked()}
        # Whoever does not read what it is told is told less.
        with suppress(asyncio.QueueFull):
            self._news.put_nowait(news)

    def _asked(self) -> list[Mapping[str, Any]]:
        """What this participant is asked to send of each picture now: at most so many kbit/s, 0 is nothing."""
        rung = self._seat.rung
        return [
            {"source": source.value, "kbit": rungs.asked(rung, source).kbit} for source in sorted(self._grant.sources)
        ]

    def _limited(self, told: Telemetry) -> None:
        """What the sender knows of its own line: taken for what it is, the word of the participant about itself."""
        for peer in self._room.members:
            if isinstance(peer, Publisher) and peer.grant.participant_id == self._grant.participant_id:
                for track in peer.tracks:
                    if peer.source.value == told.source and track.description.kind is Kind.VIDEO:
                        track.limited_kbit = told.available_kbit if told.limited_by == "bandwidth" else None


def _standing(participant_id: UUID, rung: str) -> Mapping[str, Any]:
    return {"type": "rung", "participantId": participant_id, "rung": rung}


def _numbers(fact: RungChanged) -> Mapping[str, Any]:
    measured = fact.measured
    return {
        "lossPercent": round(measured.loss_percent, 2),
        "rttMs": measured.rtt_ms,
        "jitterMs": measured.jitter_ms,
        "bitrateKbps": measured.bitrate_kbps,
        "capacityKbps": measured.capacity_kbps,
        "framesPerSecond": round(measured.frames_per_second, 1),
    }


async def _say(socket: WebSocket, message: Mapping[str, Any]) -> None:
    await socket.send_text(orjson.dumps(message).decode())


async def _next(socket: WebSocket) -> Hello | Answer | Telemetry:
    message = await socket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1005))
    text = message.get("text") or ""
    if not text or len(text) > LARGEST_MESSAGE:
        raise Refusal(MALFORMED, "MESSAGE_MALFORMED", f"Send JSON text of at most {LARGEST_MESSAGE} characters.")
    try:
        return understood(text)
    except ValidationError as fault:
        raise Refusal(MALFORMED, "MESSAGE_MALFORMED", "Nothing of this form is understood here.") from fault
