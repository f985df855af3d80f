"""What came is in the files, as it came, in its order and at its time; what did not come is a gap with a name."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media.recording.pictures import nal_units
from media.recording.strand import CHANGES_A_SECOND, CHANGES_AT_ONCE, Strand
from media.recording.why import Why
from tests.media.recording.shelf import Shelf, record
from tests.media.recording.source import FRAME_NS, Sender, Sent, described, encoded, tone

CODECS = ["vp8", "h264", "vp9"]
EVERY = 15


def picture(codec: str, sent: list[Sent]) -> Shelf:
    return record([(described(codec), sent)])


def same(codec: str, stored: bytes, sent: bytes) -> bool:
    """MP4 keeps H.264 with lengths in the place of start codes; all other bytes are those of the encoder."""
    if codec != "h264":
        return stored == sent
    return units(stored) == list(nal_units(sent))


def units(stored: bytes) -> list[bytes]:
    found = []
    while stored:
        size = int.from_bytes(stored[:4], "big")
        found.append(stored[4 : 4 + size])
        stored = stored[4 + size :]
    return found


@pytest.mark.parametrize("codec", CODECS)
def test_every_frame_is_in_the_file_byte_for_byte_and_decodes(codec: str) -> None:
    sender = Sender(codec)
    shelf = picture(codec, sender.send(encoded(codec, 45)))
    stored = shelf.pictures()
    assert len(stored) == 45
    assert all(same(codec, one, other) for one, other in zip(stored, sender.frames, strict=True))
    assert len(shelf.segments[0].decoded()) == 45
    assert (shelf.gaps, shelf.segments[0].frames) == ([], {"picture": 45, "sound": 0})


@pytest.mark.parametrize("codec", CODECS)
def test_numbers_and_timestamps_that_wrap_leave_no_mark(codec: str) -> None:
    sender = Sender(codec, number=65_530, timestamp=0xFFFFFFFF - 30_000)
    shelf = picture(codec, sender.send(encoded(codec, 45)))
    times = [at for at, _ in shelf.segments[0].packets("video")]
    assert (len(times), shelf.gaps) == (45, [])
    assert all(0.03 < after - before < 0.037 for before, after in pairwise(times))


@pytest.mark.parametrize("codec", CODECS)
@given(seed=st.integers(0, 10_000))
@settings(max_examples=15, deadline=None)
def test_reordered_and_doubled_packets_make_no_difference(codec: str, seed: int) -> None:
    chance = random.Random(seed)
    sent = Sender(codec).send(encoded(codec, 45))
    late = [each._replace(at_ns=each.at_ns + chance.choice([0, 0, 0, 20, 900]) * 1_000_000) for each in sent[1:]]
    doubles = [each._replace(at_ns=each.at_ns + 50_000_000) for each in chance.sample(sent, 20)]
    shelf = picture(codec, [sent[0], *late, *doubles])
    assert len(shelf.pictures()) == 45
    assert shelf.gaps == []


@pytest.mark.parametrize("codec", CODECS)
@given(lost=st.sets(st.integers(1, 89), max_size=8))
@settings(max_examples=15, deadline=None)
def test_after_a_loss_the_picture_goes_on_with_the_next_key_picture_and_the_gap_is_named(
    codec: str, lost: set[int]
) -> None:
    frames = list(Sender(codec).by_frame(encoded(codec, 90)))
    sent = [packet for number, frame in enumerate(frames) for packet in (frame[1:] if number in lost else frame)]
    shelf = picture(codec, sent)
    expected = [number for number in range(90) if not any(number - number % EVERY <= gone <= number for gone in lost)]
    stored = shelf.pictures()
    assert len(stored) == len(expected)
    sender = encoded(codec, 90)
    assert all(same(codec, one, sender[number]) for one, number in zip(stored, expected, strict=True))
    assert sum(len(segment.decoded()) for segment in shelf.segments) == len(expected)
    holes = [(a, b) for a, b in pairwise(expected) if b != a + 1]
    assert [round((gap.until_ns - gap.since_ns) / FRAME_NS) for gap in shelf.gaps] == [b - a for a, b in holes]
    assert set(shelf.reasons()) <= {Why.PACKETS_LOST}


@pytest.mark.parametrize("codec", CODECS)
def test_a_picture_of_which_the_end_was_never_sent_is_left_out_though_no_number_is_missing(codec: str) -> None:
    sender = Sender(codec)
    sent: list[Sent] = []
    for number, frame in enumerate(sender.by_frame(encoded(codec, 45))):
        if number == EVERY:
            assert len(frame) > 1
            frame.pop()
            sender.number -= 1
        sent += frame
    track = described(codec)
    shelf = record([(track, sent)])
    assert len(shelf.pictures()) == sum(len(each.decoded()) for each in shelf.segments) == 45 - EVERY
    ((since, until),) = [(gap.since_ns, gap.until_ns) for gap in shelf.gaps]
    assert (round((until - since) / FRAME_NS), shelf.reasons()) == (EVERY + 1, [Why.PACKETS_LOST])
    assert track.track_id in shelf.asked


def test_a_lost_packet_is_asked_about_by_a_key_picture() -> None:
    frames = list(Sender("vp8").by_frame(encoded("vp8", 90)))
    track = described("vp8")
    shelf = record([(track, [packet for number, frame in enumerate(frames) if number != 20 for packet in frame])])
    assert track.track_id in shelf.asked


@pytest.mark.parametrize("codec", CODECS)
def test_another_size_of_the_picture_begins_another_file(codec: str) -> None:
    sender = Sender(codec)
    sent = sender.send(encoded(codec, 20)) + sender.send(encoded(codec, 20, 640, 480))
    shelf = picture(codec, sent)
    assert [(each.form.width, each.form.height) for each in shelf.segments] == [(320, 240), (640, 480)]
    assert [[(frame.width, frame.height) for frame in each.decoded()] for each in shelf.segments] == [
        [(320, 240)] * 20,
        [(640, 480)] * 20,
    ]
    assert shelf.gaps == []


SIZES = ((320, 240), (160, 120))


def flickering(sender: Sender, frames: int) -> list[Sent]:
    """A picture that has another size in every frame, each of which a decoder can begin with."""
    return [
        sent for number in range(frames) for sent in sender.send(encoded(sender.codec, 1, *SIZES[number % len(SIZES)]))
    ]


@pytest.mark.parametrize("codec", ["vp8", "h264"])
def test_a_picture_that_changes_its_size_all_the_time_does_not_fill_the_store_with_files(codec: str) -> None:
    sender, voice = Sender(codec), Sender("opus")
    sent = flickering(sender, 30 * 60)
    steady = encoded(codec, 150)
    sent += sender.send(steady)
    sounds = voice.send(tone(50) * 65)
    shelf = record([(described(codec), sent), (described("opus"), sounds)])
    most = 1 + int(CHANGES_AT_ONCE) + int(65 * CHANGES_A_SECOND) + 1
    assert CHANGES_AT_ONCE < len(shelf.segments) <= most
    assert set(shelf.reasons()) == {Why.PICTURE_UNSTEADY}
    assert len(shelf.gaps) <= most
    assert sum(len(segment.packets("audio")) for segment in shelf.segments) == len(sounds), "its sound is there"
    last = [data for _, data in shelf.segments[-1].packets("video")]
    assert same(codec, last[-1], steady[-1]), "it goes on when it has come to rest"


def test_a_picture_that_has_come_to_rest_goes_on_with_the_next_key_picture_which_is_asked_for() -> None:
    sender, steady = Sender("vp8"), encoded("vp8", 45)
    unsteady = flickering(sender, 40) + sender.send(steady[:5])
    asked_before = len(picture("vp8", unsteady).asked)
    # Half a minute later, in the midst of what goes on: a decoder cannot begin here.
    sender.at_ns += 30_000_000_000
    sender.timestamp += 30 * 90_000
    shelf = picture("vp8", unsteady + sender.send(steady[5:]))
    assert len(shelf.asked) > asked_before
    assert shelf.pictures()[-30:] == list(steady[EVERY:])
    (gap,) = shelf.gaps
    assert gap.why is Why.PICTURE_UNSTEADY


def test_a_picture_that_changes_its_size_now_and_then_is_kept_whole() -> None:
    shelf = picture("vp8", flickering(Sender("vp8"), int(CHANGES_AT_ONCE)))
    assert (len(shelf.pictures()), shelf.gaps) == (int(CHANGES_AT_ONCE), [])


def test_a_sender_that_begins_anew_is_taken_up_with_its_next_key_picture() -> None:
    first = Sender("vp8")
    sent = first.send(encoded("vp8", 20))
    second = Sender("vp8", ssrc=99, number=5, timestamp=3, at_ns=first.at_ns + 400_000_000)
    straggler = sent[-1]._replace(at_ns=second.at_ns + 100_000_000)
    shelf = picture("vp8", [*sent[:-1], *second.send(encoded("vp8", 20)), straggler])
    assert len(shelf.pictures()) == 39
    times = [at for at, _ in shelf.segments[0].packets("video")]
    assert times == sorted(times)
    assert 0.4 < times[19] - times[18] < 0.5


def test_the_same_sender_may_jump_in_its_numbers() -> None:
    sender = Sender("vp8")
    sent = sender.send(encoded("vp8", 20))
    noise = Sender("vp8", number=sender.number + 20_000, at_ns=sent[30].at_ns).send(encoded("vp8", 1))[:1]
    sender.number = (sender.number + 30_000) & 0xFFFF
    sent += noise + sender.send(encoded("vp8", 20))
    assert len(picture("vp8", sent).pictures()) == 40


def test_sound_and_picture_are_brought_together_by_the_senders_reports() -> None:
    """The picture arrives 300 ms late; the reports tell that both were taken at once."""
    participant = described("vp8").participant_id
    video, audio = described("vp8", participant=participant), described("opus", participant=participant)
    pictures, sounds = Sender("vp8", at_ns=1_300_000_000), Sender("opus", timestamp=777, at_ns=1_000_000_000)
    shelf = Shelf()
    strand = Strand([video, audio], shelf)
    taken = [(each, video) for each in pictures.send(encoded("vp8", 60))]
    taken += [(each, audio) for each in sounds.send(tone(100))]
    ntp = 3_900_000_000 << 32
    for number, (sent, track) in enumerate(sorted(taken, key=lambda each: each[0].at_ns)):
        strand.packet(track.track_id, sent.rtp, sent.at_ns)
        if number == 40:
            strand.sender_report(video.track_id, ntp, 50_000)
            strand.sender_report(audio.track_id, ntp, 777)
    strand.close()
    (segment,) = shelf.segments
    ahead = segment.packets("video")[-1][0] - 59 / 30 - (segment.packets("audio")[-1][0] - 99 / 50)
    assert abs(ahead) < 0.02


def test_sound_without_a_picture_is_recorded_alone_and_every_packet_is_there() -> None:
    sender = Sender("opus")
    shelf = record([(described("opus"), sender.send(tone(200)))])
    assert [data for _, data in shelf.segments[0].packets("audio")] == list(tone(200))
    assert shelf.segments[0].form.media_type == "audio/webm"


def test_sound_waits_for_its_picture_and_begins_without_it() -> None:
    video, audio = described("vp8"), described("opus")
    pictures = Sender("vp8", at_ns=6_000_000_000).send(encoded("vp8", 60))
    shelf = record([(video, pictures), (audio, Sender("opus").send(tone(400)))])
    assert [each.form.codec for each in shelf.segments] == [None, "vp8"]
    sounds = [data for each in shelf.segments for _, data in each.packets("audio")]
    assert sounds == list(tone(400))
    assert len(shelf.pictures()) == 60


def test_sound_and_picture_share_a_file_and_lost_sound_is_a_gap() -> None:
    video, audio = described("h264"), described("opus")
    sounds = Sender("opus").send(tone(100))
    del sounds[40:50]
    shelf = record([(video, Sender("h264").send(encoded("h264", 60))), (audio, sounds)])
    (segment,) = shelf.segments
    assert (len(segment.packets("video")), len(segment.packets("audio"))) == (60, 90)
    (gap,) = shelf.gaps
    assert (gap.track_id, gap.why, gap.packets) == (audio.track_id, Why.PACKETS_LOST, 10)
    assert gap.until_ns - gap.since_ns == 220_000_000


def test_an_old_file_is_followed_by_the_next_one_without_losing_a_frame_or_a_sound() -> None:
    video, audio = described("vp8"), described("opus")
    shelf = record(
        [(video, Sender("vp8").send(encoded("vp8", 90))), (audio, Sender("opus").send(tone(150)))],
        segment_ns=1_000_000_000,
    )
    assert len(shelf.segments) == 3
    assert len(shelf.pictures()) == 90
    assert [data for each in shelf.segments for _, data in each.packets("audio")] == list(tone(150))
    assert shelf.gaps == []


def test_a_line_that_is_silent_and_comes_back_is_a_gap() -> None:
    sender = Sender("vp8")
    sent = sender.send(encoded("vp8", 15))
    sender.at_ns += 5_000_000_000
    sender.timestamp += 450_000
    shelf = picture("vp8", sent + sender.send(encoded("vp8", 15)))
    assert shelf.reasons() == [Why.LINE_SILENT]


def test_a_line_that_is_silent_to_the_end_is_a_gap_up_to_it() -> None:
    track, sender, shelf = described("vp8"), Sender("vp8"), Shelf()
    strand = Strand([track], shelf)
    for rtp, at_ns in sender.send(encoded("vp8", 15)):
        strand.packet(track.track_id, rtp, at_ns)
    end_ns = sender.at_ns + 5_000_000_000
    strand.close(until_ns=end_ns)
    assert [(gap.why, gap.until_ns) for gap in shelf.gaps] == [(Why.LINE_SILENT, end_ns)]
    assert 5_000_000_000 <= end_ns - shelf.gaps[0].since_ns < 5_200_000_000


def test_a_track_of_which_nothing_came_is_a_gap_from_when_it_was_listened_to() -> None:
    track, shelf = described("vp8"), Shelf()
    strand = Strand([track], shelf)
    strand.missing_since(track.track_id, 1_000_000_000, None)
    strand.close(until_ns=9_000_000_000)
    assert [(gap.why, gap.since_ns, gap.until_ns) for gap in shelf.gaps] == [
        (Why.LINE_SILENT, 1_000_000_000, 9_000_000_000)
    ]


def test_what_was_under_way_when_a_track_was_first_listened_to_is_no_gap() -> None:
    track, sender, shelf = described("vp8"), Sender("vp8"), Shelf()
    frames = list(sender.by_frame(encoded("vp8", 45)))
    strand = Strand([track], shelf)
    strand.missing_since(track.track_id, frames[7][0].at_ns, None)
    # From the middle of a picture on, with a hole in it, up to the next key picture.
    for rtp, at_ns in [*frames[7][1:], *(packet for frame in frames[9:] for packet in frame)]:
        strand.packet(track.track_id, rtp, at_ns)
        strand.passed(at_ns)
    strand.close(until_ns=sender.at_ns)
    assert (len(shelf.pictures()), shelf.gaps) == (30, [])


def test_a_track_that_ended_is_told_of_by_whom_it_ended() -> None:
    track, sender, shelf = described("vp8"), Sender("vp8"), Shelf()
    strand = Strand([track], shelf)
    for rtp, at_ns in sender.send(encoded("vp8", 15)):
        strand.packet(track.track_id, rtp, at_ns)
    assert strand.track_ended(track.track_id) is not None
    strand.close(until_ns=sender.at_ns + 5_000_000_000)
    assert shelf.gaps == []


def test_a_recorder_that_only_pauses_tells_no_gap() -> None:
    track, sender, shelf = described("vp8"), Sender("vp8"), Shelf()
    strand = Strand([track], shelf)
    for rtp, at_ns in sender.send(encoded("vp8", 15)):
        strand.packet(track.track_id, rtp, at_ns)
    strand.close()
    assert shelf.gaps == []


def test_what_was_dropped_on_the_way_is_a_gap_up_to_the_next_key_picture() -> None:
    shelf, track = Shelf(), described("vp8")
    strand = Strand([track], shelf)
    for number, frame in enumerate(Sender("vp8").by_frame(encoded("vp8", 60))):
        if number == 20:
            strand.not_handed_over(track.track_id, Why.RECORDER_OVERRUN, 17)
        for rtp, at_ns in frame if not 20 <= number < 25 else []:
            strand.packet(track.track_id, rtp, at_ns)
    strand.close()
    assert shelf.reasons() == [Why.RECORDER_OVERRUN]
    assert len(shelf.pictures()) == 50


@given(garbage=st.lists(st.binary(max_size=60), max_size=30), codec=st.sampled_from([*CODECS, "opus"]))
@settings(max_examples=60, deadline=None)
def test_whatever_arrives_the_recording_goes_on(garbage: list[bytes], codec: str) -> None:
    """Bytes that are no RTP, and RTP that is no video, between the packets of a good sender."""
    frames = tone(40) if codec == "opus" else encoded(codec, 40)
    sender = Sender(codec)
    sent = sender.send(frames[:20])
    hostile = [Sent(b"\x80\x60" + bytes(2) + each, sender.at_ns) for each in garbage]
    sender.at_ns += 1_000_000
    shelf = record(
        [(described(codec), [*sent, *hostile, *(Sent(g, sender.at_ns) for g in garbage), *sender.send(frames[20:])])]
    )
    assert shelf.segments


def test_a_timestamp_from_another_century_does_not_make_a_recording_of_years() -> None:
    sender = Sender("vp8")
    sent = sender.send(encoded("vp8", 15))
    sender.timestamp = (sender.timestamp + 0x7FFF0000) & 0xFFFFFFFF
    shelf = picture("vp8", sent + sender.send(encoded("vp8", 15)))
    assert shelf.segments[-1].until_ns - shelf.segments[0].form.began_ns < 2_000_000_000


def test_a_description_names_the_codec_in_any_case() -> None:
    assert (
        len(record([(replace(described("vp8"), codec="VP8"), Sender("vp8").send(encoded("vp8", 15)))]).pictures()) == 15
    )


@pytest.mark.parametrize(("keeps", "written"), [(True, 19), (False, 10)])
def test_what_waits_for_its_place_is_thrown_away_when_nothing_more_may_be_kept(keeps: bool, written: int) -> None:
    shelf, track = Shelf(), described("opus")
    strand = Strand([track], shelf)
    for number, (rtp, at_ns) in enumerate(Sender("opus").send(tone(20))):
        if number != 10:
            strand.packet(track.track_id, rtp, at_ns)
    strand.close(keep_what_waits=keeps)
    assert sum(len(segment.packets("audio")) for segment in shelf.segments) == written
