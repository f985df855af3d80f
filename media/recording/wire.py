"""What a media worker and the recorder say to each other over a socket of this machine, as media/framed.py says.

Rules: the worker announces tracks, and hands over packets of those alone that the recorder takes: what is not
authorised never leaves the worker.
"""

from __future__ import annotations

import struct
from enum import IntEnum

PACKET = struct.Struct(">Q")
REPORT = struct.Struct(">QI")
DROPPED = struct.Struct(">I")


class Says(IntEnum):
    TRACK = 1
    """Worker: a track is there; its description as JSON."""
    PACKET = 2
    """Worker: arrived_ns:u64, then the RTP packet."""
    REPORT = 3
    """Worker: a sender report, ntp:u64 rtp_timestamp:u32."""
    DROPPED = 4
    """Worker: so many packets (u32) of this track were not handed over."""
    ENDED = 5
    """Worker: nothing comes of this track any more."""
    TAKE = 16
    """Recorder: hand this track over from now on."""
    LEAVE = 17
    """Recorder: no more of this track."""
    KEY = 18
    """Recorder: ask the publisher for a key frame."""
