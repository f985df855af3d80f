"""A connection that takes tracks of a room away to one participant.

Rules: what a viewer gets is named by place (a point's camera, its sound), not by track, so a publisher who comes back
over a new connection goes on where the old one was, in the same lines; how good a line is the viewer's own estimate
says, and the layers follow it; sound is never dropped for a picture; the rung of the ladder that its participant stands
on says what may be sent at all.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from struct import error as StructError  # noqa: N812
from typing import TYPE_CHECKING, Any
from uuid import UUID

from aiortc.rtp import RtcpPsfbPacket, RtcpRrPacket, RtcpRtpfbPacket, RtcpSrPacket, unpack_remb_fci

from domain._live import Rung
from infra.media_tokens import Grant, Source
from media import feedback, rtp, rungs
from media.choice import Choice
from media.downtrack import Downtrack
from media.facts import LegNumbers, RungChanged
from media.layer import Layer
from media.negotiation import (
    Line,
    OfferRefused,
    answer_to_viewer,
    choose_codec,
    preferences,
    read_offer,
    repairs,
    type_of,
)
from media.peer import Peer
from media.published import PublishedTrack
from media.reporter import LayerSwitched, SpeakerChanged
from media.tracks import Ended, Kind

if TYPE_CHECKING:
    from media.engine import Engine
    from media.room import Room

ESTIMATE_LASTS_NS = 5_000_000_000


@dataclass(slots=True)
class Seat:
    """One line of the connection, and what it carries. `down` is None until the connection stands."""

    point_id: UUID
    source: Source
    kind: Kind
    codec: str
    ssrcs: tuple[int, int]
    types: tuple[int, int]
    send_time_id: int
    down: Downtrack | None = None
    choice: Choice = field(default_factory=Choice)
    rank: int = -1


class Viewer(Peer):
    """Watches what stands on its seats."""

    def __init__(self, engine: Engine, room: Room, grant: Grant) -> None:
        super().__init__(engine, room, grant)
        self.seats: list[Seat] = []
        self.estimate_kbit: float | None = None
        self.rung = Rung.TWO_WAY_HD
        self._limits: dict[tuple[UUID, Source], int | None] = {}
        self._estimated_ns = 0
        self._by_ssrc: dict[int, Seat] = {}

    async def answer(self, offer: str, tracks: Sequence[PublishedTrack]) -> str:
        """The answer to an offer to receive these tracks; raises OfferRefused."""
        lines = read_offer(offer)
        for line in lines:
            if line.kind == "application":
                continue
            if line.direction not in ("recvonly", "sendrecv"):
                raise OfferRefused("NOTHING_IS_RECEIVED", f"the {line.kind} section receives nothing", 422)
            track = next((one for one in tracks if one.description.kind.value == line.kind), None)
            if track is None or any(seat.kind.value == line.kind for seat in self.seats):
                # A line for which there is nothing stays silent, with whatever codec is first.
                self._idle(line)
            else:
                self._seat(line, track)
        if not self.seats:
            raise OfferRefused("NOTHING_IS_RECEIVED", "the offer takes nothing of this source", 422)
        return await self._describe(offer, answer_to_viewer, lines)

    def _idle(self, line: Line) -> None:
        codec, _ = choose_codec(line)
        transceiver = self.connection.addTransceiver(line.kind, direction="inactive")
        transceiver.setCodecPreferences(preferences(codec, line.kind))

    def _seat(self, line: Line, track: PublishedTrack) -> None:
        about = track.description
        codec, offered = choose_codec(line, about.codec)
        transceiver = self.connection.addTransceiver(line.kind, direction="sendonly")
        transceiver.setCodecPreferences(preferences(codec, line.kind))
        sender: Any = transceiver.sender
        sender.name(str(about.point_id), f"{about.source.value}-{about.kind.value}")
        self.sit(
            Seat(
                about.point_id,
                about.source,
                about.kind,
                about.codec,
                sender.ssrcs,
                (type_of(offered), repairs(line, offered)),
                line.extensions.get(rtp.SEND_TIME, 0) if about.kind is Kind.VIDEO else 0,
            )
        )

    def sit(self, seat: Seat) -> None:
        self.seats.append(seat)
        self._by_ssrc[seat.ssrcs[0]] = seat

    def connected(self) -> None:
        for seat in self.seats:
            self.begin(seat)

    def begin(self, seat: Seat) -> None:
        """The connection stands: take what is there for this seat."""
        if self.srtp is None or seat.down is not None:
            return
        seat.down = Downtrack(self.engine.port, self.srtp, seat.ssrcs, seat.types, seat.send_time_id)
        seat.down.address = self.connection.remote_address
        track = self.room.track(seat.point_id, seat.source, seat.kind)
        if track is not None:
            self.take(track)

    def prepare(self) -> None:
        """Something is about to come; a bare player has the lines that it asked for."""

    def take(self, track: PublishedTrack) -> None:
        """A track is there for a seat of ours, for the first time or again."""
        about = track.description
        shown = self.room.is_shown(about.point_id, about.source, self.grant)
        for seat in self.seats:
            if (seat.point_id, seat.source, seat.kind) != (about.point_id, about.source, about.kind):
                continue
            if seat.down is None or seat.codec != about.codec:
                continue
            if not shown or self._ceiling(seat) == rungs.NOTHING:
                seat.down.follow(None)
                continue
            # A picture that stands still just now is waited for all the same.
            layers = track.flowing(time.monotonic_ns()) or track.ordered()
            if layers:
                rank = seat.rank if seat.rank >= 0 and len(layers) > 1 else track.first_rank(layers)
                ceiling = self._ceiling(seat, layers)
                seat.rank = min(rank, len(layers) - 1 if ceiling is None else ceiling, len(layers) - 1)
                seat.down.follow(layers[seat.rank])

    def leave(self, track: PublishedTrack) -> None:
        """A track is gone; its seat waits for the next one."""
        for seat in self.seats:
            down = seat.down
            carried = (
                {one.source for one in (down.layer, down.wanted) if one is not None} if down is not None else set()
            )
            if down is not None and not carried.isdisjoint(track.layers.values()):
                down.follow(None)

    def control(self, packet: Any, now_ns: int) -> None:
        if isinstance(packet, RtcpRrPacket | RtcpSrPacket):
            for one in packet.reports:
                if (down := self._down(one.ssrc)) is not None:
                    down.reported(one.fraction_lost, one.jitter, one.lsr, one.dlsr, now_ns)
        elif isinstance(packet, RtcpRtpfbPacket) and packet.fmt == feedback.NACK:
            if (down := self._down(packet.media_ssrc)) is not None:
                down.send_again(packet.lost)
        elif isinstance(packet, RtcpPsfbPacket):
            self._about_pictures(packet, now_ns)

    def _about_pictures(self, packet: RtcpPsfbPacket, now_ns: int) -> None:
        if packet.fmt in (feedback.PICTURE_LOSS, feedback.FULL_INTRA):
            ssrc = packet.media_ssrc
            if packet.fmt == feedback.FULL_INTRA and len(packet.fci) >= 4:
                ssrc = int.from_bytes(packet.fci[:4])
            if (down := self._down(ssrc)) is not None:
                down.picture_lost()
        elif packet.fmt == feedback.APPLICATION:
            try:
                bits, _ = unpack_remb_fci(packet.fci)
            except (ValueError, IndexError, StructError):
                self.engine.malformed += 1
                return
            self.estimate_kbit, self._estimated_ns = bits / 1000, now_ns

    def _down(self, ssrc: int) -> Downtrack | None:
        seat = self._by_ssrc.get(ssrc)
        return seat.down if seat is not None else None

    def look(self, now_ns: int) -> None:
        super().look(now_ns)
        if self.joined and not self.closed:
            if not any(seat.down is not None and seat.down.layer is not None for seat in self.seats):
                # Who hears nothing for a second takes the line for dead, and there is nothing to show just now.
                self.send_control(feedback.receiver_report(self.ssrc, ()))
            address = self.connection.remote_address
            for seat in self.seats:
                if seat.down is not None:
                    seat.down.address = address

    def second(self, now_ns: int) -> None:
        """Every second: tell the time, and choose layers anew."""
        for seat in self.seats:
            if seat.down is not None:
                self.send_control(seat.down.report(self.engine.name, now_ns))
        if now_ns - self._estimated_ns > ESTIMATE_LASTS_NS:
            self.estimate_kbit = None
        for seat in self.seats:
            if seat.kind is Kind.VIDEO and seat.down is not None:
                self._choose(seat, seat.down, now_ns)

    def _choose(self, seat: Seat, down: Downtrack, now_ns: int) -> None:
        track = self.room.track(seat.point_id, seat.source, seat.kind)
        layers = track.flowing(now_ns) if track is not None and seat.codec == track.description.codec else []
        if track is None or not layers:
            return
        if not self.room.is_shown(seat.point_id, seat.source, self.grant):
            # What was shown may come to be withheld, when its source is published anew.
            down.follow(None)
            return
        if down.wanted is not down.layer and down.wanted in layers:
            # It waits for a picture to go over at; another decision before that would only ask for more of them.
            down.wait_no_longer()
            return
        seat.choice.ceiling = self._ceiling(seat, layers)
        now = next((at for at, layer in enumerate(layers) if layer is down.layer), -1)
        share = self._share(seat)
        rates = [layer.counters.window.kbit_per_second for layer in layers]
        rank = seat.choice.next_rank(max(now, 0), rates, share, down.loss)
        if rank == now and down.layer is layers[rank]:
            return
        down.follow(layers[rank] if rank >= 0 else None)
        if rank != seat.rank:
            before, seat.rank = seat.rank, rank
            about = track.description
            self.room.tell(
                LayerSwitched(
                    about.session_id,
                    self.grant.participant_id,
                    about.track_id,
                    before,
                    rank,
                    self.estimate_kbit or 0.0,
                    down.loss,
                )
            )

    def measured(self) -> LegNumbers | None:
        """The way to this viewer as its reports tell it; None while nothing is sent.

        What was lost is asked for again, and only what is lost twice is missed. What the way could carry is known only
        while it is too little: an estimate that is not tried says nothing.
        """
        carried = [(seat, seat.down) for seat in self.seats if seat.down is not None and seat.down.layer is not None]
        if not carried:
            return None
        sounds = [down.jitter_ms for seat, down in carried if seat.kind is Kind.AUDIO]
        congested = any(seat.choice.congested for seat, _ in carried if seat.kind is Kind.VIDEO)
        estimate = self.estimate_kbit if congested else None
        return LegNumbers(
            bitrate_kbps=round(
                sum(layer.counters.window.kbit_per_second for _, down in carried if (layer := down.layer))
            ),
            loss_percent=100 * max(down.loss**2 for _, down in carried),
            rtt_ms=round(max((down.rtt_ms or 0.0) for _, down in carried)),
            jitter_ms=round(max(sounds or [down.jitter_ms for _, down in carried])),
            capacity_kbps=None if estimate is None else round(estimate),
            line_limits=False,
        )

    def _share(self, seat: Seat) -> float | None:
        """What is left of the estimate for this picture, after all sound and the other pictures at what they take."""
        if self.estimate_kbit is None:
            return None
        taken = 0.0
        for other in self.seats:
            if other is not seat and other.down is not None and other.down.layer is not None:
                taken += other.down.layer.counters.window.kbit_per_second
        return max(0.0, self.estimate_kbit - taken)

    def limit(self, point_id: UUID, source: Source, ceiling: int | None) -> None:
        """Never more than this layer of that picture; -1 is none, None no limit. For who decides by other means."""
        self._limits[point_id, source] = ceiling
        self._keep_to_limits()

    def hold_to(self, rung: Rung) -> None:
        """The participant's line is on this rung now."""
        self.rung = rung
        self._keep_to_limits()

    def noticed(self, fact: RungChanged | SpeakerChanged) -> None:
        """Something happened in the room that a screen may want to show; a bare player shows nothing of it."""

    def _ceiling(self, seat: Seat, layers: Sequence[Layer] = ()) -> int | None:
        """The lower of what the rung allows and of what was asked for."""
        allowed = rungs.ceiling(self.rung, seat.source, seat.kind, examining=rungs.examines(self.grant))
        both = [PublishedTrack.smallest(layers) if allowed == rungs.POOREST else allowed]
        if seat.kind is Kind.VIDEO:
            both.append(self._limits.get((seat.point_id, seat.source)))
        return min((one for one in both if one is not None), default=None)

    def _keep_to_limits(self) -> None:
        for seat in self.seats:
            down = seat.down
            if down is None:
                continue
            if self._ceiling(seat) == rungs.NOTHING:
                down.follow(None)
            elif down.wanted is None:
                track = self.room.track(seat.point_id, seat.source, seat.kind)
                if track is not None:
                    self.take(track)

    def ended(self, reason: Ended) -> None:
        for seat in self.seats:
            if seat.down is not None:
                seat.down.follow(None)
