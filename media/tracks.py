"""A published picture or sound, as everybody but the forwarding sees it: what it is, how to listen in, how it fares.

Rules: packets are handed on decrypted and as the publisher sent them, never decoded; what was repaired by a
retransmission is handed on like any other, once, at the moment when it arrived; a tap that fails is taken off and
never disturbs the forwarding; nothing in here waits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from infra.media_tokens import Source


class Kind(StrEnum):
    AUDIO = "audio"
    VIDEO = "video"


class Ended(StrEnum):
    """Why a track ended, or a participant left."""

    LEFT = "left"
    """The participant said so."""
    LOST = "lost"
    """Nothing was heard of the participant for two seconds."""
    REPLACED = "replaced"
    """The same source came again over a new connection, for instance on another network."""
    CLOSED = "closed"
    """The session or the worker ended."""


@dataclass(frozen=True, slots=True)
class TrackDescription:
    """What a track is. `codec` is the name in SDP (VP8, H264, VP9, opus); `clock_rate` is in Hz.

    `fmtp` holds the codec's parameters as they stood in the publisher's offer, for instance `profile-level-id`.
    """

    track_id: UUID
    session_id: UUID
    point_id: UUID
    participant_id: UUID
    kind: Kind
    source: Source
    codec: str
    clock_rate: int
    payload_type: int
    fmtp: Mapping[str, str]
    channels: int = 1


@dataclass(frozen=True, slots=True)
class Measured:
    """The publisher's leg over the last whole second. Fractions are 0..1.

    `loss_before` is what did not arrive at first, `loss_after` what was still missing a second later. `freezes` counts
    since the track began: gaps between frames of more than three times the average, or the average and 150 ms (the
    rule of W3C's webrtc-stats). `rtt_ms` is None until the publisher has answered a check. `capacity_kbit` is what the
    sender says its line could carry, told only while that is less than it would send; `line_limits` says that it is.
    """

    kbit_per_second: float
    frames_per_second: float
    width: int
    height: int
    loss_before: float
    loss_after: float
    jitter_ms: float
    rtt_ms: float | None
    freezes: int
    nacks: int
    key_frames: int
    capacity_kbit: float | None = None
    line_limits: bool = True


class Tap(Protocol):
    """Somebody who takes a copy of a track, for instance a recorder. Called in the worker's loop: return at once.

    With several layers of one picture the tap gets the best one that flows, made into one stream: sequence numbers,
    timestamps and picture ids go on when the layer changes, and it changes at key frames only.
    """

    def packet(self, rtp: bytes, arrived_ns: int) -> None:
        """One RTP packet, without SRTP, padding or retransmission format; `arrived_ns` is time.monotonic_ns().

        Packets come in the order of arrival, each sequence number once; a repaired one comes late. Header extensions
        are left out.
        """
        ...

    def sender_report(self, ntp: int, rtp_timestamp: int) -> None:
        """The publisher's clock: this 64-bit NTP time is that RTP timestamp. Same clock for all tracks of one
        connection, so sound and picture are brought together by it."""
        ...

    def ended(self, reason: Ended) -> None:
        """Nothing comes after this."""
        ...


class Follower(Protocol):
    """Somebody who is shown every track of a worker while it lives, for instance the recorder's feed."""

    def offer(self, track: Track) -> None: ...

    def withdraw(self, track_id: UUID) -> None: ...


class Track(Protocol):
    """A published track while it lives."""

    @property
    def description(self) -> TrackDescription: ...

    def add_tap(self, tap: Tap) -> None:
        """From the next packet on; for a picture a key frame is asked for, since one can begin with nothing else."""
        ...

    def remove_tap(self, tap: Tap) -> None: ...

    def ask_key_frame(self) -> None:
        """Asks the publisher, at most twice a second; requests of several askers become one."""
        ...

    def measured(self) -> Measured:
        """The numbers of the last whole second."""
        ...
