"""A connection that brings one source: a camera with its sound, an ultrasound, a screen.

Rules: one source per connection, so that each has its own congestion control and a weak camera cannot take an
ultrasound down; streams are told apart by RID, else by what the offer said of their SSRCs, else by payload type; what
cannot be told is dropped; a publisher is told every 50 ms what arrived when, and every second how much was lost, how
far it is (it is asked each second, since what is missing is asked for again only after a round trip), and how much its
participant's rung of the ladder wants of it (REMB, which browsers and encoders keep to beside their own estimate).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from aiortc.rtp import RtcpSrPacket

from domain._live import Rung
from infra.media_tokens import Grant, Source
from media import feedback, rtp, rungs
from media.feedback import Arrivals
from media.layer import Layer
from media.negotiation import (
    Line,
    OfferRefused,
    answer_to_publisher,
    choose_codec,
    preferences,
    read_offer,
    repairs,
    type_of,
)
from media.payloads import INSPECTIONS
from media.peer import Peer
from media.published import PublishedTrack
from media.rtp import Packet
from media.svc import Scaled
from media.tracks import Ended, Kind, TrackDescription

if TYPE_CHECKING:
    from media.engine import Engine
    from media.room import Room

RINGS = {Kind.AUDIO: 512, Kind.VIDEO: 2048}
ULTRASOUND_RING = 4096
MOST_SSRCS = 16
SILENCE = b"\xf8\xff\xfe"
"""Twenty milliseconds of Opus: whoever is not to be heard is heard as this, without a hole in the numbers."""


class Publisher(Peer):
    """`tracks` are there from the answer on; each begins with its first packet."""

    def __init__(self, engine: Engine, room: Room, grant: Grant, source: Source) -> None:
        super().__init__(engine, room, grant)
        self.source = source
        self.tracks: list[PublishedTrack] = []
        self.arrivals = Arrivals()
        self._by_type: dict[int, tuple[PublishedTrack, bool]] = {}
        self._by_ssrc: dict[int, tuple[PublishedTrack, Layer, bool]] = {}
        self._ids: Mapping[str, int] = {}
        self._congestion_id = self._level_id = 0
        self.rung = Rung.TWO_WAY_HD
        self._was_capped = False

    async def answer(self, offer: str) -> str:
        """The answer to an offer; raises OfferRefused."""
        lines = read_offer(offer)
        kinds = [line.kind for line in lines if line.kind != "application"]
        if not kinds or len(set(kinds)) != len(kinds):
            raise OfferRefused("ONE_SOURCE_A_CONNECTION", "send one picture, one sound, or one of each", 422)
        for line in lines:
            if line.kind != "application":
                self._expect(line)
        for track in self.tracks:
            track.together = len(self.tracks)
        answer = await self._describe(offer, answer_to_publisher, lines)
        self.room.comes(self)
        return answer

    def _expect(self, line: Line) -> None:
        if line.direction not in ("sendonly", "sendrecv"):
            raise OfferRefused("NOTHING_IS_SENT", f"the {line.kind} section sends nothing", 422)
        codec, offered = choose_codec(line)
        transceiver = self.connection.addTransceiver(line.kind, direction="recvonly")
        transceiver.setCodecPreferences(preferences(codec, line.kind))
        description = TrackDescription(
            track_id=uuid4(),
            session_id=self.grant.session_id,
            point_id=self.grant.point_id,
            participant_id=self.grant.participant_id,
            kind=Kind(line.kind),
            source=self.source,
            codec=codec.name,
            clock_rate=codec.clockRate,
            payload_type=type_of(offered),
            fmtp={str(key): str(value) for key, value in offered.parameters.items()},
            channels=codec.channels or 1,
        )
        track = PublishedTrack(description, line.rids)
        self.tracks.append(track)
        self._by_type[type_of(offered)] = (track, False)
        if again := repairs(line, offered):
            self._by_type[again] = (track, True)
        self._ids = {**self._ids, **line.extensions}
        self._congestion_id = self._ids.get(rtp.TRANSPORT_CC, 0)
        self._level_id = self._ids.get(rtp.AUDIO_LEVEL, 0)

    def packet(self, data: bytes, now_ns: int) -> None:
        raw = rtp.read(data)
        if raw is None:
            self.engine.malformed += 1
            return
        counted = raw.extensions.get(self._congestion_id)
        if counted is not None and len(counted) == 2:
            self.arrivals.note(int.from_bytes(counted), now_ns // 1000)
        known = self._by_ssrc.get(raw.ssrc) or self._bind(raw)
        if known is None:
            self.engine.malformed += 1
            return
        track, layer, repeated = known
        payload = data[raw.start : raw.end]
        silent = track.description.kind is Kind.AUDIO and self.grant.participant_id in self.room.orders.silent
        if silent and len(payload) > 2:
            payload = payload[:2] + SILENCE if repeated else SILENCE
        if repeated:
            if len(payload) <= 2:
                return
            packet = Packet(int.from_bytes(payload[:2]), raw.timestamp, raw.marker, payload[2:], now_ns, True)
        else:
            # One of padding alone, which a sender probes the line with, goes on too: its number would look like loss.
            packet = Packet(raw.sequence, raw.timestamp, raw.marker, payload, now_ns)
        self.engine.taken += 1
        if layer.take(packet, len(data)):
            if track.description.kind is Kind.AUDIO:
                level = raw.extensions.get(self._level_id)
                if level and not silent:
                    track.heard(level[0] & 0x7F)
            if not track.began:
                track.began = True
                self.room.track_began(self, track)
            track.feed(layer, packet)
            self.engine.egress.push(layer, sound=track.description.kind is Kind.AUDIO)

    def _bind(self, raw: rtp.Raw) -> tuple[PublishedTrack, Layer, bool] | None:
        """Whose SSRC is this?"""
        found = self._by_type.get(raw.payload_type)
        if found is None or len(self._by_ssrc) >= MOST_SSRCS:
            return None
        track, repeated = found
        named_by = self._ids.get(rtp.REPAIRED_RID if repeated else rtp.RID, 0)
        rid = raw.extensions.get(named_by, b"").decode("ascii", "replace")
        if track.rids and rid not in track.rids:
            return None
        layer = track.layers.get(rid)
        if layer is None:
            if repeated:
                return None
            about = track.description
            ring = ring_of(about.source, about.kind)
            layer = Layer(raw.ssrc, rid, about.clock_rate, ring, INSPECTIONS[about.codec])
            track.layers[rid] = layer
            if about.kind is Kind.VIDEO and len(track.rids) <= 1:
                layer.scaled = Scaled(layer, self._push_picture, self.engine.egress.finish)
        if repeated:
            layer.rtx_ssrc = raw.ssrc
        else:
            layer.ssrc = raw.ssrc
        self._by_ssrc[raw.ssrc] = (track, layer, repeated)
        return self._by_ssrc[raw.ssrc]

    def _push_picture(self, layer: Layer) -> None:
        self.engine.egress.push(layer, sound=False)

    def control(self, packet: Any, now_ns: int) -> None:
        if isinstance(packet, RtcpSrPacket):
            known = self._by_ssrc.get(packet.ssrc)
            if known is not None and not known[2]:
                info = packet.sender_info
                known[1].clock = (info.ntp_timestamp, info.rtp_timestamp, now_ns)
                known[0].clock_told(known[1])

    @property
    def layers(self) -> Sequence[Layer]:
        return [layer for track in self.tracks for layer in track.layers.values()]

    def look(self, now_ns: int) -> None:
        super().look(now_ns)
        if self.joined and not self.closed and all(layer.quiet(now_ns) for layer in self.layers):
            # Whoever sends nothing is told of no arrivals, and who hears nothing for a second takes the line for dead.
            self.send_control(feedback.receiver_report(self.ssrc, ()))

    def mend(self, now_ns: int) -> None:
        """A hundred times a second: ask for what is missing and for key frames that are wanted."""
        rtt_ms = self.mouth.rtt_ms if self.mouth is not None else None
        rtt_ns = int((rtt_ms or 0) * 1.2e6)
        for layer in self.layers:
            if layer.missing and (asked := layer.to_ask_again(now_ns, rtt_ns)):
                self.send_control(feedback.missing(self.ssrc, layer.ssrc, asked))
            if layer.key_frame_wanted and layer.counters.highest is not None and layer.key_frame_due(now_ns):
                self.send_control(feedback.picture_loss(self.ssrc, layer.ssrc))

    def tell_arrivals(self) -> None:
        """Twenty times a second: what arrived when."""
        if self.arrivals and self._by_ssrc:
            media = next(iter(self._by_ssrc))
            self.send_control(self.arrivals.feedback(self.ssrc, media))

    def second(self, now_ns: int) -> None:
        """Every second: how much was lost, and the numbers of the second."""
        reports = []
        for layer in self.layers:
            if layer.scaled is not None:
                layer.scaled.close_window(max(layer.counters.window_seconds(now_ns), 0.1))
            layer.counters.close_window(now_ns)
            if layer.highest is None:
                continue
            last, delay = 0, 0
            if layer.clock is not None:
                last = layer.clock[0] >> 16 & 0xFFFFFFFF
                delay = (now_ns - layer.clock[2]) * 65536 // 1_000_000_000
            reports.append(layer.counters.report(layer.ssrc, last, delay))
        if reports:
            self.send_control(feedback.receiver_report(self.ssrc, reports))
        for track in self.tracks:
            track.rtt_ms = self.mouth.rtt_ms if self.mouth is not None else None
        self.check()
        self._ask_for_less()

    def hold_to(self, rung: Rung) -> None:
        """The participant's line is on this rung now."""
        self.rung = rung
        self._ask_for_less()

    def _ask_for_less(self) -> None:
        pictures = [
            layer.ssrc
            for track in self.tracks
            if track.description.kind is Kind.VIDEO
            for layer in track.layers.values()
        ]
        kbit = rungs.asked(self.rung, self.source).kbit
        if not pictures or (kbit is None and not self._was_capped):
            return
        # Sound goes over the same connection, and is not what has to shrink.
        wanted = rungs.MOST_KBIT if kbit is None else kbit + rungs.SOUND_KBIT
        self._was_capped = kbit is not None
        self.send_control(feedback.at_most(self.ssrc, wanted * 1000, pictures))

    def ended(self, reason: Ended) -> None:
        for track in self.tracks:
            if track.began:
                self.room.track_ended(self, track, reason)
            track.end(reason)


def ring_of(source: Source, kind: Kind) -> int:
    """How many packets of a layer are kept for those who missed some."""
    return ULTRASOUND_RING if source is Source.ULTRASOUND and kind is Kind.VIDEO else RINGS[kind]
