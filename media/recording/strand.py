"""A strand: one picture, one sound, or both of one participant, written into a row of files, its segments.

Rules: a segment begins with a key picture, or with sound when there is no picture; a picture of another size or with
other parameters begins the next segment, and so does age, since a machine that dies takes the open one with it. A
picture that changes more often than a line ever makes it is left out until the next change is due, so that no sender
fills the store with files. What is not in the files is a gap with its times. Nothing in here waits, reads a clock or
touches a disk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from media.channel_limits import Bucket
from media.recording.clock import SECOND_NS, SenderClock
from media.recording.container import Container
from media.recording.frames import Assembled, Frame, Missing
from media.recording.intake import Intake
from media.recording.pictures import KeyPicture
from media.recording.why import Why
from media.tracks import Kind, TrackDescription

SEGMENT_NS = 300 * SECOND_NS
# How long the sound of the last segment is waited for, and a first picture.
LATE_SOUND_NS = 2 * SECOND_NS
ASK_AGAIN_NS = SECOND_NS
# A browser on a bad line changes the size of its picture some times in a minute, and then keeps it for a while.
CHANGES_A_SECOND, CHANGES_AT_ONCE = 1 / 15, 20.0


@dataclass(frozen=True, slots=True)
class Gap:
    """Between these moments of the monotonic clock the track is not in the recording."""

    track_id: UUID
    since_ns: int
    until_ns: int
    why: Why
    packets: int


@dataclass(frozen=True, slots=True)
class Form:
    """What a segment is made of, as it begins. Times are of the monotonic clock, sizes in pixels."""

    tracks: tuple[UUID, ...]
    media_type: str
    codec: str | None
    width: int
    height: int
    began_ns: int


class Segment(Protocol):
    """Where the bytes of a segment go."""

    def write(self, plain: bytes) -> None: ...

    def close(self, until_ns: int, frames: Mapping[str, int]) -> None: ...


class Keeper(Protocol):
    """What a strand tells."""

    def segment(self, form: Form) -> Segment: ...

    def gap(self, gap: Gap) -> None: ...

    def ask_key_frame(self, track_id: UUID) -> None: ...


class _Open:
    """A segment that is being written."""

    def __init__(self, keeper: Keeper, tracks: Sequence[Intake], first: Frame | None, began_ns: int) -> None:
        picture = next((each for each in tracks if each.kind is Kind.VIDEO), None) if first else None
        sound = any(each.kind is Kind.AUDIO for each in tracks)
        self.began_ns, self.until_ns = began_ns, began_ns
        self.key = first.key if first else None
        self.ends_ns: int | None = None
        self.frames = {"picture": 0, "sound": 0}
        before: list[bytes] = []
        self._write: Callable[[bytes], None] = before.append
        codec = picture.codec if picture else None
        self._container = Container(lambda data: self._write(data), codec, first, sound=sound)
        size = (self.key.width, self.key.height) if self.key else (0, 0)
        ids = tuple(each.track_id for each in tracks if each is picture or each.kind is Kind.AUDIO)
        form = Form(ids, self._container.media_type, codec, *size, began_ns)
        self._segment = keeper.segment(form)
        self._write = self._segment.write
        for each in before:
            self._write(each)

    @property
    def with_picture(self) -> bool:
        return self.key is not None

    def picture(self, frame: Frame, at_ns: int) -> None:
        self.frames["picture"] += 1
        self.until_ns = max(self.until_ns, at_ns)
        self._container.picture(frame, at_ns - self.began_ns)

    def sound(self, frame: Frame, at_ns: int) -> None:
        self.frames["sound"] += 1
        self.until_ns = max(self.until_ns, at_ns)
        self._container.sound(frame, at_ns - self.began_ns)

    def close(self) -> None:
        self._container.close()
        self._segment.close(self.until_ns, self.frames)


class Strand:
    def __init__(self, tracks: Sequence[TrackDescription], keeper: Keeper, *, segment_ns: int = SEGMENT_NS) -> None:
        self._keeper = keeper
        self._segment_ns = segment_ns
        sender = SenderClock()
        self._intakes = {each.track_id: Intake(each, sender, keeper.ask_key_frame) for each in tracks}
        self._ended = set[UUID]()
        self._current: _Open | None = None
        self._former: _Open | None = None
        self._first_sound: list[tuple[Frame, int]] = []
        self._asked_ns = 0
        self._changes = Bucket(CHANGES_A_SECOND, CHANGES_AT_ONCE)
        self._unsteady = False

    def packet(self, track_id: UUID, rtp: bytes, arrived_ns: int) -> None:
        intake = self._intakes[track_id]
        self._take(intake, intake.packet(rtp, arrived_ns))

    def sender_report(self, track_id: UUID, ntp: int, rtp_timestamp: int) -> None:
        self._intakes[track_id].clock.report(ntp, rtp_timestamp)

    def passed(self, now_ns: int) -> None:
        """Time went on, whether packets came or not."""
        for intake in self._intakes.values():
            self._take(intake, intake.waited(now_ns))
        self._sound_alone(now_ns)
        if self._former and now_ns - (self._former.ends_ns or 0) > LATE_SOUND_NS:
            self._close_former()
        self._ask_again(now_ns)

    def not_handed_over(self, track_id: UUID, why: Why, packets: int) -> None:
        """Packets were dropped before they came here."""
        self._intakes[track_id].broken(why, packets)

    def missing_since(self, track_id: UUID, since_ns: int, why: Why | None) -> None:
        """What came after this moment was never handed over, because nobody was there to take it; without a reason,
        this is the moment from which on the track is listened to."""
        intake = self._intakes[track_id]
        intake.last_ns, intake.begins = since_ns, why is None
        if why is not None:
            intake.missing(why, 0)

    def track_ended(self, track_id: UUID) -> int | None:
        """Answers when its last frame was taken, if there was one."""
        intake = self._intakes[track_id]
        self._take(intake, intake.rest())
        self._ended.add(track_id)
        return intake.last_ns

    def close(self, *, keep_what_waits: bool = True, until_ns: int | None = None) -> None:
        """Whoever withdrew a consent wants nothing more written, also not what came before and waits for its place.

        `until_ns` is the end of the recording: what is silent then is a gap up to it.
        """
        for intake in self._intakes.values() if keep_what_waits else ():
            self._take(intake, intake.rest())
        if keep_what_waits and self._first_sound and self._current is None:
            self._begin(None, self._first_sound[0][1])
        self._close_former()
        if self._current:
            self._current.close()
            self._current = None
        if until_ns is not None:
            self._tell_silence(until_ns)

    def _tell_silence(self, until_ns: int) -> None:
        for intake in self._intakes.values():
            # The last frame may have come in part only; that is the end, and no gap.
            if intake.silent_at(until_ns) and intake.track_id not in self._ended:
                self._tell_gap(intake, until_ns)

    def _take(self, intake: Intake, items: Iterator[Assembled]) -> None:
        for item in items:
            match item:
                case Missing(packets):
                    intake.missing(Why.PACKETS_LOST, packets)
                case Frame():
                    at_ns = intake.clock.at(item.timestamp, item.arrived_ns)
                    if intake.kind is Kind.VIDEO and self._left_out(intake, item, at_ns):
                        intake.missing(Why.PICTURE_UNSTEADY, 0)
                        continue
                    self._tell_gap(intake, at_ns)
                    if intake.kind is Kind.VIDEO:
                        self._picture(intake, item, at_ns)
                    else:
                        self._sound(item, at_ns)
                    intake.last_ns = at_ns
                case _:
                    intake.clock.restart()

    def _tell_gap(self, intake: Intake, at_ns: int) -> None:
        why, packets = intake.took_up()
        if intake.last_ns is None:
            return
        silent = intake.silent_at(at_ns)
        if intake.begins and not silent:
            # A picture that was under way when it was first listened to is missing its begin, and belongs to before.
            why = None
        intake.begins = False
        if why is None and silent:
            why = Why.LINE_SILENT
        if why is not None and at_ns > intake.last_ns:
            self._keeper.gap(Gap(intake.track_id, intake.last_ns, at_ns, why, packets))

    def _picture(self, intake: Intake, frame: Frame, at_ns: int) -> None:
        if frame.key is not None and self._needs_another(frame.key, at_ns):
            self._begin(frame, at_ns)
        elif frame.key is None and self._too_old(at_ns):
            self._ask(intake.track_id, frame.arrived_ns)
        if self._current is not None and self._current.with_picture:
            self._current.picture(frame, at_ns)

    def _left_out(self, intake: Intake, frame: Frame, at_ns: int) -> bool:
        """Whether this picture changed too often, and the next change is not due. Also what comes back to the size of
        the open segment waits, or each time it does would be a gap."""
        if self._unsteady:
            self._unsteady = not self._changes.takes(frame.arrived_ns)
            if not self._unsteady and frame.key is None:
                # It may go on, with the next picture that a decoder can begin with.
                intake.broken(Why.PICTURE_UNSTEADY, 0)
                return True
        elif frame.key is not None and self._current is not None and self._current.key not in (None, frame.key):
            self._unsteady = not self._too_old(at_ns) and not self._changes.takes(frame.arrived_ns)
        return self._unsteady

    def _needs_another(self, key: KeyPicture, at_ns: int) -> bool:
        return self._current is None or self._current.key != key or self._too_old(at_ns)

    def _too_old(self, at_ns: int) -> bool:
        return self._current is not None and at_ns - self._current.began_ns >= self._segment_ns

    def _sound(self, frame: Frame, at_ns: int) -> None:
        if self._former is not None:
            if at_ns < (self._former.ends_ns or 0):
                self._former.sound(frame, at_ns)
                return
            self._close_former()
        if self._current is None:
            self._first_sound.append((frame, at_ns))
            self._sound_alone(frame.arrived_ns)
            return
        if not self._current.with_picture and self._too_old(at_ns):
            self._begin(None, at_ns)
        self._current.sound(frame, at_ns)

    def _sound_alone(self, now_ns: int) -> None:
        """Sound waits a moment for the picture that it belongs to, and begins without it."""
        if self._current is None and self._first_sound:
            pictured = any(each.kind is Kind.VIDEO for each in self._intakes.values())
            if not pictured or now_ns - self._first_sound[0][0].arrived_ns > LATE_SOUND_NS:
                self._begin(None, self._first_sound[0][1])

    def _begin(self, first: Frame | None, at_ns: int) -> None:
        """Sound from before the new segment still goes into the former one, which therefore stays open a moment."""
        self._close_former()
        if self._current is not None:
            self._former = self._current
            self._former.ends_ns = at_ns
        waiting, self._first_sound = self._first_sound, []
        began = min([at_ns, *(at for _, at in waiting)])
        self._current = _Open(self._keeper, list(self._intakes.values()), first, began)
        for frame, sound_at in waiting:
            self._current.sound(frame, sound_at)

    def _close_former(self) -> None:
        if self._former is not None:
            self._former.close()
            self._former = None

    def _ask_again(self, now_ns: int) -> None:
        for intake in self._intakes.values():
            if intake.waits_for_key:
                self._ask(intake.track_id, now_ns)

    def _ask(self, track_id: UUID, now_ns: int) -> None:
        if now_ns - self._asked_ns >= ASK_AGAIN_NS:
            self._asked_ns = now_ns
            self._keeper.ask_key_frame(track_id)
