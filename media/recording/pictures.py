"""What an encoded picture says of itself in its first bytes: whether decoding can begin with it, and how large it is.

Rules: pure; a picture that says nothing sensible is no key picture.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from media.payloads import sps_size
from media.recording.payloads import IDR, SPS, START_CODE

VP8_START = b"\x9d\x01\x2a"
VP9_SYNC = 0x498342


@dataclass(frozen=True, slots=True)
class KeyPicture:
    """Size in pixels; `parameters` are H.264's SPS and PPS, since a decoder is set up with them."""

    width: int
    height: int
    parameters: bytes = b""


def key_picture(codec: str, data: bytes) -> KeyPicture | None:
    """None when the picture needs others before it."""
    try:
        return {"vp8": _vp8, "vp9": _vp9, "h264": _h264}[codec](data)
    except (IndexError, ValueError):
        return None


def _vp8(data: bytes) -> KeyPicture | None:
    """RFC 6386, section 9.1."""
    if data[0] & 1 or data[3:6] != VP8_START:
        return None
    width, height = (int.from_bytes(data[at : at + 2], "little") & 0x3FFF for at in (6, 8))
    return KeyPicture(width, height)


def _vp9(data: bytes) -> KeyPicture | None:
    """The uncompressed header of the VP9 specification, section 6.2; of a superframe, its first layer.

    With spatial layers this is the size of the lowest; that of the highest stands in the RTP payload's structure.
    """
    bits = _Bits(data[:32])
    if bits.take(2) != 2:
        return None
    profile = bits.take(1) | bits.take(1) << 1
    if profile == 3:
        bits.take(1)
    if bits.take(1) or bits.take(1):
        return None
    bits.take(2)
    if bits.take(24) != VP9_SYNC:
        return None
    if profile >= 2:
        bits.take(1)
    rgb = bits.take(3) == 7
    bits.take(0 if rgb else 1)
    if profile in (1, 3):
        bits.take(1 if rgb else 3)
    return KeyPicture(bits.take(16) + 1, bits.take(16) + 1)


def _h264(data: bytes) -> KeyPicture | None:
    """Decoding begins with an IDR picture; a live sender puts its parameter sets before each of them."""
    units = list(nal_units(data))
    sps = next((unit for unit in units if unit[0] & 0x1F == SPS), None)
    if sps is None or not any(unit[0] & 0x1F == IDR for unit in units):
        return None
    size = sps_size(sps)
    if size is None:
        return None
    return KeyPicture(*size, b"".join(START_CODE + unit for unit in units if unit[0] & 0x1F in (SPS, SPS + 1)))


def nal_units(data: bytes) -> Iterator[bytes]:
    """The units between the start codes; our depayloading writes four bytes, encoders also three."""
    for unit in data.replace(START_CODE, START_CODE[1:]).split(START_CODE[1:]):
        if unit:
            yield unit


class _Bits:
    """Reads bit by bit; IndexError at the end."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def take(self, count: int) -> int:
        value = 0
        for _ in range(count):
            value = value << 1 | (self._data[self._at >> 3] >> (7 - (self._at & 7))) & 1
            self._at += 1
        return value
