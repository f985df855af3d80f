"""From packets in order to whole frames: pictures that a decoder can begin with or go on with, and sound.

Rules: pure; a picture with a missing packet is left out, and so is everything after it until the next key picture,
because it would decode into something that was never there; each time a key picture is asked for. Sound stands by
itself, packet by packet. What is missing is told once, with how many packets it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from media.recording.payloads import PAYLOADS, Piece, joined
from media.recording.pictures import KeyPicture, key_picture
from media.recording.reordering import Item, Lost, Restarted
from media.recording.rtp import Packet


@dataclass(frozen=True, slots=True)
class Frame:
    """`key` is set when decoding can begin here; sound can begin anywhere and has none."""

    data: bytes
    timestamp: int
    arrived_ns: int
    key: KeyPicture | None = None


@dataclass(frozen=True, slots=True)
class Missing:
    """Packets that never came, or that were left out after them because nothing could be decoded."""

    packets: int


Assembled = Frame | Missing | Restarted


class Sound:
    """Opus: a packet is a frame."""

    def take(self, item: Item) -> Iterator[Assembled]:
        match item:
            case Packet(payload=payload) if payload:
                yield Frame(payload, item.timestamp, item.arrived_ns)
            case Lost(packets):
                yield Missing(packets)
            case Restarted():
                yield item


class Pictures:
    """VP8, VP9, H.264: packets of one timestamp are a picture, up to the one with the marker; without it, it is cut."""

    def __init__(self, codec: str, ask_key_picture: Callable[[], None]) -> None:
        self._codec = codec
        self._payload = PAYLOADS[codec]
        self._ask = ask_key_picture
        self._pieces: list[Piece] = []
        self._first: Packet | None = None
        self._whole = False
        self._decodable = False
        self._left_out = 0

    def take(self, item: Item) -> Iterator[Assembled]:
        match item:
            case Packet(payload=payload) if payload:
                yield from self._packet(item)
            case Lost(packets):
                yield from self._broken(packets)
            case Restarted():
                self._forget()
                self._decodable = False
                yield item

    @property
    def waits_for_key(self) -> bool:
        return not self._decodable

    def broken(self) -> None:
        """What comes next does not follow on what came before; the teller of this tells the gap as well."""
        self._forget()
        self._need_key()

    def _packet(self, packet: Packet) -> Iterator[Assembled]:
        if self._first is not None and packet.timestamp != self._first.timestamp:
            # A browser whose line got too thin throws away what still waits to be sent, and numbers on without a hole.
            # Only the marker, which never came, tells that the picture before is not all there.
            self._whole = False
            yield from self._finish()
        try:
            piece = self._payload(packet.payload)
        except (ValueError, IndexError):
            yield from self._broken(1)
            return
        if self._first is None:
            self._first, self._whole = packet, piece.begins
        self._pieces.append(piece)
        if packet.marker:
            yield from self._finish()

    def _finish(self) -> Iterator[Assembled]:
        first, pieces, whole = self._first, self._pieces, self._whole
        self._forget()
        if first is None or not pieces:
            return
        if not whole:
            self._left_out += len(pieces)
            self._need_key()
            return
        data = joined(self._codec, pieces)
        key = key_picture(self._codec, data)
        if key is None and not self._decodable:
            self._left_out += len(pieces)
            return
        if self._left_out:
            yield Missing(self._left_out)
            self._left_out = 0
        self._decodable = True
        if key is not None and pieces[0].size is not None:
            key = KeyPicture(*pieces[0].size)
        yield Frame(data, first.timestamp, first.arrived_ns, key)

    def _broken(self, packets: int) -> Iterator[Assembled]:
        self._left_out += len(self._pieces)
        self._forget()
        self._need_key()
        yield Missing(packets)

    def _need_key(self) -> None:
        self._decodable = False
        self._ask()

    def _forget(self) -> None:
        self._pieces, self._first, self._whole = [], None, False
