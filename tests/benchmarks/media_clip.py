"""The source of the media benchmark: four seconds of VP8, 1280x720 at 30 frames a second and about 1.5 Mbit/s.

Rules: it is really encoded, so that a server that decodes has something to decode, and then filled up, since a decoder
looks at nothing behind a frame's end: the key frame to 43 packets of WebRTC's usual length, every other frame to five;
the last packet of a frame ends with room for the time at which it was sent.
"""

from __future__ import annotations

import hashlib
import pickle
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

WIDTH, HEIGHT, RATE, SECONDS, KBIT = 1280, 720, 30, 4, 900
CUT = 1_130
KEY_FRAME_PACKETS, FRAME_PACKETS = 43, 5
STAMP = 16
MARK = b"\xa5STAMP\xa5\xa5"

Clip = list[list[bytes]]


def clip(folder: Path) -> Clip:
    """The payloads of each frame, with the VP8 descriptor; encoded once and kept in the folder."""
    recipe = hashlib.sha256(repr((WIDTH, HEIGHT, RATE, SECONDS, KBIT, CUT, STAMP, 9)).encode()).hexdigest()[:12]
    file = folder / f"clip-{recipe}.pickle"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        made = [_cut(frame, number) for number, frame in enumerate(_encoded())]
        file.write_bytes(pickle.dumps(made))
    found: Clip = pickle.loads(file.read_bytes())
    return found


def _encoded() -> list[bytes]:
    chance = np.random.default_rng(5)
    coarse = chance.integers(60, 196, (HEIGHT // 40, 2 * WIDTH // 40), dtype=np.uint8)
    texture = np.kron(coarse, np.ones((40, 40), dtype=np.uint8))
    codec = av.CodecContext.create("libvpx", "w")
    codec.width, codec.height, codec.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    codec.bit_rate, codec.time_base, codec.framerate = KBIT * 1000, Fraction(1, RATE), Fraction(RATE)
    codec.options = {"deadline": "realtime", "cpu-used": "8", "g": "10000", "crf": "30"}
    frames: list[bytes] = []
    for number in range(RATE * SECONDS):
        left = 2 * number
        picture = np.full((HEIGHT * 3 // 2, WIDTH), 128, dtype=np.uint8)
        picture[:HEIGHT] = texture[:, left : left + WIDTH]
        frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
        frame.pts, frame.time_base = number, Fraction(1, RATE)
        frames += [bytes(packet) for packet in codec.encode(frame)]
    return frames + [bytes(packet) for packet in codec.encode(None)]


def _cut(frame: bytes, number: int) -> list[bytes]:
    filled = (FRAME_PACKETS if number else KEY_FRAME_PACKETS) * CUT
    data = frame.ljust(filled - STAMP, b"\0") + MARK + bytes(STAMP - len(MARK))
    count = -(-len(data) // CUT)
    size = -(-len(data) // count)
    parts = [data[at : at + size] for at in range(0, len(data), size)]
    if len(parts) > 1 and len(parts[-1]) < STAMP:
        parts[-2:] = [parts[-2] + parts[-1]]
    picture = (0x8000 | number & 0x7FFF).to_bytes(2)
    return [bytes([0x90 if at == 0 else 0x80, 0x80]) + picture + part for at, part in enumerate(parts)]
