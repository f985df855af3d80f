"""Numbers and encrypts a burst for one viewer after the other, and gives it to the kernel.

Rules: this is the reference; whatever is faster sends the same bytes. One part of a burst to one viewer is one system
call. A packet that could not be encrypted is never sent: the others of its burst go, each by itself. What the kernel
does not take at once is dropped, and asked for again by those who miss it.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Sequence
from struct import Struct, pack
from typing import TYPE_CHECKING, Any, Protocol

from media._aiortc import ffi, lib
from media.burst import LARGEST_BURST, SEND_TIME_AT, Burst, Place

if TYPE_CHECKING:
    from media.downtrack import Downtrack
    from media.udp import Port

SOL_UDP, UDP_SEGMENT = 17, 103
NUMBERS = Struct("!HII")
UNCUT = (errno.EIO, errno.EINVAL, errno.EOPNOTSUPP)


class Sender(Protocol):
    """`dropped` counts what the kernel refused, `unsealed` packets that could not be encrypted.

    `cuts` is whether the kernel cuts bursts; bursts have parts of many packets only as long as it does.
    """

    name: str
    dropped: int
    unsealed: int
    cuts: bool

    def send(self, burst: Burst, viewers: Sequence[Downtrack], stamp: int) -> None:
        """To each of these viewers, all of the burst's cohort and all with an address; `stamp` is the send time."""
        ...


class PythonSender:
    """With nothing but the standard library and libsrtp."""

    name = "python"

    def __init__(self, port: Port) -> None:
        self._port = port
        self._memory = ffi.new("char[]", LARGEST_BURST)
        self._view = memoryview(ffi.buffer(self._memory))
        self._length = ffi.new("int *")
        self.dropped = self.unsealed = 0
        self.cuts = segmentation(port.socket)

    def send(self, burst: Burst, viewers: Sequence[Downtrack], stamp: int) -> None:
        view, length, write, protect = self._view, self._length, NUMBERS.pack_into, lib.srtp_protect
        size, data = len(burst.data), stamped(burst, stamp)
        if burst.prepared is None:
            burst.prepared = self._prepared(burst)
        places, parts = burst.prepared
        for viewer in viewers:
            view[:size] = data
            tx, ssrc, moved = viewer.srtp.tx, viewer.ssrc, viewer.continuity
            shift, later = moved.sequence, moved.timestamp
            if moved.picture or moved.base:
                self._number_pictures(burst, moved.picture, moved.base)
            failed: list[int] = []
            for at, pointer, sequence, timestamp, plain in places:
                write(view, at, (sequence + shift) & 0xFFFF, (timestamp + later) & 0xFFFFFFFF, ssrc)
                length[0] = plain
                if protect(tx, pointer, length):
                    failed.append(at - 2)
            if failed:
                self._send_others(burst, failed, viewer.address)
            else:
                self._put_out(parts, viewer.address)

    def _prepared(self, burst: Burst) -> Any:
        """The places and parts with what is the same for all viewers already worked out."""
        view, memory = self._view, self._memory
        places = [(one.at + 2, memory + one.at, one.sequence, one.timestamp, one.length) for one in burst.places]
        parts = []
        for at, length, segment in burst.parts:
            piece = view[at : at + length]
            parts.append(([piece], [(SOL_UDP, UDP_SEGMENT, pack("H", segment))]) if segment else (piece, None))
        return places, parts

    def _put_out(self, parts: Any, address: Any) -> None:
        send, sendto = self._port.socket.sendmsg, self._port.socket.sendto
        for piece, cut in parts:
            try:
                if cut:
                    send(piece, cut, 0, address)
                else:
                    sendto(piece, address)
            except OSError as error:
                self._refused(error, cut is not None)

    def _send_others(self, burst: Burst, failed: Sequence[int], address: Any) -> None:
        self.unsealed += len(failed)
        for place in burst.places:
            if place.at not in failed:
                try:
                    self._port.socket.sendto(self._whole(burst, place), address)
                except OSError as error:
                    self._refused(error, cut=False)

    def _whole(self, burst: Burst, place: Place) -> memoryview:
        return self._view[place.at : place.at + place.length + burst.cohort.tag]

    def _refused(self, error: OSError, cut: bool) -> None:
        self.dropped += 1
        if cut and error.errno in UNCUT:
            # This device cannot cut bursts; from now on each packet is sent by itself.
            self.cuts = False

    def _number_pictures(self, burst: Burst, picture: int, base: int) -> None:
        view = self._view
        for place in burst.places:
            if place.picture is None:
                continue
            at, width, value, base_at, index = place.picture
            if width == 2:
                view[at : at + 2] = (0x8000 | (value + picture) & 0x7FFF).to_bytes(2)
            else:
                view[at] = (value + picture) & 0x7F
            if base_at:
                view[base_at] = (index + base) & 0xFF


def stamped(burst: Burst, stamp: int) -> bytes | bytearray:
    """What all viewers of a group get, with the time at which it leaves."""
    if not burst.cohort.send_time_id:
        return burst.data
    data, time = bytearray(burst.data), stamp.to_bytes(3)
    for place in burst.places:
        at = place.at + SEND_TIME_AT
        data[at : at + 3] = time
    return data


def segmentation(sock: socket.socket) -> bool:
    """Whether this kernel cuts bursts (Linux 4.18)."""
    try:
        sock.setsockopt(SOL_UDP, UDP_SEGMENT, 0)
    except OSError:
        return False
    return True
