"""From RTP payloads to what the codec wrote: VP8 (RFC 7741), VP9 (RFC 9628), H.264 (RFC 6184), Opus (RFC 7587).

Rules: pure; a payload that breaks its format raises ValueError and is counted as lost, whoever sent it; the bytes of
the codec are not touched. H.264 comes out in the byte stream format of its Annex B.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from aiortc.codecs.h264 import H264PayloadDescriptor
from aiortc.codecs.vpx import VpxPayloadDescriptor

START_CODE = b"\x00\x00\x00\x01"
IDR, SPS = 5, 7


@dataclass(frozen=True, slots=True)
class Piece:
    """The codec's bytes of one packet. `begins` says that a picture can begin here; `layer` counts spatial layers.

    `size` is what the packet says of the largest layer, in pixels.
    """

    data: bytes
    begins: bool
    layer: int = 0
    size: tuple[int, int] | None = None


def vp8(payload: bytes) -> Piece:
    descriptor, data = VpxPayloadDescriptor.parse(payload)
    return Piece(data, bool(descriptor.partition_start) and descriptor.partition_id == 0)


def h264(payload: bytes) -> Piece:
    descriptor, data = H264PayloadDescriptor.parse(payload)
    return Piece(data, bool(descriptor.first_fragment))


def opus(payload: bytes) -> Piece:
    return Piece(payload, True)


def vp9(payload: bytes) -> Piece:
    """The descriptor of RFC 9628, section 4.2: I P L F B E V Z, then what the flags announce."""
    flags, at = _octet(payload, 0), 1
    has_id, predicted, layered, flexible = flags & 0x80, flags & 0x40, flags & 0x20, flags & 0x10
    layer = 0
    if has_id:
        at += 2 if _octet(payload, at) & 0x80 else 1
    if layered:
        layer = (_octet(payload, at) >> 1) & 7
        at += 1 if flexible else 2
    if flexible and predicted:
        while _octet(payload, at) & 1:
            at += 1
        at += 1
    size = None
    if flags & 0x02:
        size, at = _structure(payload, at)
    if at > len(payload):
        raise ValueError("the VP9 descriptor is cut")
    return Piece(payload[at:], bool(flags & 0x08), layer, size)


def _structure(payload: bytes, at: int) -> tuple[tuple[int, int] | None, int]:
    """The scalability structure: the sizes of the layers, and how pictures of a group refer to each other."""
    octet = _octet(payload, at)
    layers, sizes, groups = (octet >> 5) + 1, octet & 0x10, octet & 0x08
    at += 1 + (4 * layers if sizes else 0)
    last = payload[at - 4 : at]
    size = (int.from_bytes(last[:2], "big"), int.from_bytes(last[2:], "big")) if sizes else None
    if groups:
        count, at = _octet(payload, at), at + 1
        for _ in range(count):
            at += 1 + ((_octet(payload, at) >> 2) & 3)
    return size, at


def _octet(payload: bytes, at: int) -> int:
    if at >= len(payload):
        raise ValueError("the VP9 descriptor is cut")
    return payload[at]


PAYLOADS: dict[str, Callable[[bytes], Piece]] = {"vp8": vp8, "vp9": vp9, "h264": h264, "opus": opus}


def joined(codec: str, pieces: Sequence[Piece]) -> bytes:
    """One picture out of its pieces; the layers of a VP9 picture become one superframe (VP9 specification, annex B)."""
    if codec != "vp9" or pieces[0].layer == pieces[-1].layer:
        return b"".join(piece.data for piece in pieces)
    layers: dict[int, bytes] = {}
    for piece in pieces:
        layers[piece.layer] = layers.get(piece.layer, b"") + piece.data
    sizes = [len(data) for data in layers.values()]
    wide = max(1, (max(sizes).bit_length() + 7) // 8)
    mark = bytes([0xC0 | (wide - 1) << 3 | len(sizes) - 1])
    index = mark + b"".join(size.to_bytes(wide, "little") for size in sizes) + mark
    return b"".join(layers.values()) + index
