"""What the payload of a picture tells without decoding it: key frames, sizes, picture ids, layers.

Rules: only the first bytes are looked at (RFC 7741 for VP8, RFC 6184 for H.264, RFC 9628 for VP9); the bytes are a
stranger's, so whatever is cut short tells nothing, and nothing raises.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from media.rtp import Packet, Scale


@dataclass(slots=True)
class Size:
    """The picture's size in pixels, as the last key frame told it."""

    width: int = 0
    height: int = 0


Inspect = Callable[[Packet, Size], None]


def inspect_vp8(packet: Packet, size: Size) -> None:
    """Marks the first packet of a key frame, and where the picture id lies."""
    data = packet.payload
    if len(data) < 2:
        return
    first, at = data[0], 1
    if first & 0x80:
        flags, at = data[1], 2
        at = _vp8_picture(packet, flags, at)
    if first & 0x10 and first & 0x07 == 0 and len(data) > at and data[at] & 1 == 0:
        packet.key_frame = True
        if len(data) >= at + 10 and data[at + 3 : at + 6] == b"\x9d\x01\x2a":
            size.width = int.from_bytes(data[at + 6 : at + 8], "little") & 0x3FFF
            size.height = int.from_bytes(data[at + 8 : at + 10], "little") & 0x3FFF


def _vp8_picture(packet: Packet, flags: int, at: int) -> int:
    """Notes (place and bytes of the picture id, place of the base layer's index or 0) and answers what follows."""
    data = packet.payload
    place, width, base = 0, 0, 0
    if flags & 0x80 and len(data) > at:
        place, width = at, 2 if data[at] & 0x80 else 1
        at += width
    if flags & 0x40:
        base = at
        at += 1
    if flags & 0x30:
        if flags & 0x20 and len(data) > at:
            begins = data[0] & 0x10 != 0 and data[0] & 0x07 == 0
            packet.scale = Scale(0, data[at] >> 6, begins, bool(packet.marker), bool(data[at] & 0x20))
        at += 1
    if width and len(data) >= at:
        value = int.from_bytes(data[place : place + width]) & (0x7FFF if width == 2 else 0x7F)
        packet.picture = (place, width, value, base)
    return at


def inspect_h264(packet: Packet, size: Size) -> None:
    """Marks the parameter sets or the instant refresh that a decoder can begin with."""
    for unit in _h264_units(packet.payload):
        kind = unit[0] & 0x1F
        if kind == 7:
            packet.key_frame = True
            found = sps_size(unit)
            if found is not None:
                size.width, size.height = found
        elif kind == 5:
            packet.key_frame = True


def _h264_units(data: bytes) -> list[bytes]:
    """The units that begin in this packet, as far as they are in it."""
    if not data:
        return []
    kind = data[0] & 0x1F
    if kind == 24:
        units, at = [], 1
        while at + 2 < len(data):
            length = int.from_bytes(data[at : at + 2])
            if length:
                units.append(data[at + 2 : at + 2 + length])
            at += 2 + length
        return units
    if kind == 28:
        if len(data) > 1 and data[1] & 0x80:
            return [bytes([data[0] & 0xE0 | data[1] & 0x1F]) + data[2:]]
        return []
    return [data]


def inspect_vp9(packet: Packet, size: Size) -> None:
    """Marks the beginning of a picture that depends on no earlier one, where its id lies, and its layers."""
    data = packet.payload
    if not data:
        return
    flags, at = data[0], 1
    width = 0
    if flags & 0x80:
        width = 2 if len(data) > at and data[at] & 0x80 else 1
        at += width
    spatial = base = 0
    if flags & 0x20 and len(data) > at:
        layers = data[at]
        spatial = layers >> 1 & 0x07
        packet.scale = Scale(spatial, layers >> 5, bool(flags & 0x08), bool(flags & 0x04), bool(layers & 0x10))
        base = 0 if flags & 0x10 else at + 1
        at += 1 if flags & 0x10 else 2
    if width and len(data) >= at:
        value = int.from_bytes(data[1 : 1 + width]) & (0x7FFF if width == 2 else 0x7F)
        packet.picture = (1, width, value, base)
    if flags & 0x50 == 0x50:
        # Flexible mode names the pictures that this one refers to, each with a bit that says whether another follows.
        while len(data) > at and data[at] & 1:
            at += 1
        at += 1
    if flags & 0x02:
        _vp9_sizes(data, at, size)
    packet.key_frame = flags & 0x48 == 0x08 and spatial == 0


def _vp9_sizes(data: bytes, at: int, size: Size) -> None:
    if len(data) <= at or not data[at] & 0x10:
        return
    layers = (data[at] >> 5) + 1
    last = at + 1 + 4 * (layers - 1)
    if len(data) >= last + 4:
        size.width = int.from_bytes(data[last : last + 2])
        size.height = int.from_bytes(data[last + 2 : last + 4])


def inspect_nothing(packet: Packet, size: Size) -> None:
    """Sound can begin anywhere."""
    packet.key_frame = True


INSPECTIONS: dict[str, Inspect] = {
    "VP8": inspect_vp8,
    "H264": inspect_h264,
    "VP9": inspect_vp9,
    "opus": inspect_nothing,
}


class _Bits:
    """Bits of a parameter set, after the emulation bytes were taken out; zeros behind its end."""

    def __init__(self, data: bytes) -> None:
        self._data = data.replace(b"\x00\x00\x03", b"\x00\x00")
        self._at = 0

    def take(self, count: int) -> int:
        value = 0
        for _ in range(count):
            byte = self._at >> 3
            bit = self._data[byte] >> (7 - (self._at & 7)) & 1 if byte < len(self._data) else 0
            value = value << 1 | bit
            self._at += 1
        return value

    def golomb(self) -> int:
        zeros = 0
        while zeros < 32 and self.take(1) == 0:
            zeros += 1
        return (1 << zeros) - 1 + self.take(zeros) if zeros < 32 else 0

    def signed(self) -> int:
        value = self.golomb()
        return (value + 1) // 2 if value & 1 else -(value // 2)

    @property
    def spent(self) -> bool:
        return self._at > 8 * len(self._data)


HIGH_PROFILES = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138})


def sps_size(unit: bytes) -> tuple[int, int] | None:
    """Width and height of a sequence parameter set (ITU-T H.264, 7.3.2.1.1); None when it is cut short."""
    bits = _Bits(unit[1:])
    profile = bits.take(8)
    bits.take(16)
    bits.golomb()
    chroma = 1
    if profile in HIGH_PROFILES:
        chroma = _skip_high(bits)
    bits.golomb()
    order = bits.golomb()
    if order == 0:
        bits.golomb()
    elif order == 1:
        bits.take(1)
        bits.signed()
        bits.signed()
        for _ in range(min(bits.golomb(), 255)):
            bits.signed()
    bits.golomb()
    bits.take(1)
    width = 16 * (bits.golomb() + 1)
    map_units = bits.golomb() + 1
    frames_only = bits.take(1)
    if not frames_only:
        bits.take(1)
    bits.take(1)
    height = 16 * map_units * (2 - frames_only)
    if bits.take(1):
        left, right, top, bottom = (bits.golomb() for _ in range(4))
        across = 1 if chroma in (0, 3) else 2
        down = (2 if chroma == 1 else 1) * (2 - frames_only)
        width, height = width - across * (left + right), height - down * (top + bottom)
    return None if bits.spent or not (0 < width <= 16_384 and 0 < height <= 16_384) else (width, height)


def _skip_high(bits: _Bits) -> int:
    """Pass over what only the high profiles carry; answers the chroma format."""
    chroma = bits.golomb()
    if chroma == 3:
        bits.take(1)
    bits.golomb()
    bits.golomb()
    bits.take(1)
    if bits.take(1):
        for index in range(8 if chroma != 3 else 12):
            if bits.take(1):
                last = following = 8
                for _ in range(16 if index < 6 else 64):
                    if following:
                        following = (last + bits.signed()) & 0xFF
                    last = following or last
    return chroma
