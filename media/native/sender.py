"""Sends bursts by burst.c: a group of viewers in one call, without the interpreter's lock.

Rules: what is asked of C is checked there as well, and an answer that it found the burst unsound is an error of ours;
the layouts below are those of the structs in burst.c, and their sizes are compared before the first packet.
"""

from __future__ import annotations

import ctypes
import socket
import sys
from collections.abc import Sequence
from ctypes import POINTER, Structure, byref, c_char_p, c_int, c_uint32, c_void_p
from struct import Struct
from typing import TYPE_CHECKING, Any

from media._aiortc import ffi, lib
from media.burst import LARGEST_BURST, Burst
from media.sender import segmentation

if TYPE_CHECKING:
    from pathlib import Path

    from media.downtrack import Downtrack
    from media.udp import Port

PLACE = Struct("=IIIIIHHBBH")
PART = Struct("=III")
SCREEN = Struct("=QIII4H4x")
SLAB = max(LARGEST_BURST, 256 * 1024)
KNOWN_ADDRESSES = 4_096


class NotThere(Exception):
    """The library was not built, or is of another shape."""


class _Burst(Structure):
    _fields_ = (
        ("data", c_char_p),
        ("places", c_char_p),
        ("parts", c_char_p),
        ("size", c_uint32),
        ("place_count", c_uint32),
        ("part_count", c_uint32),
        ("tag", c_uint32),
    )


class _Outcome(Structure):
    _fields_ = (("dropped", c_uint32), ("unsealed", c_uint32), ("uncut", c_uint32))


class NativeSender:
    """See Sender in media/sender.py."""

    name = "native"

    def __init__(self, port: Port, path: Path) -> None:
        self._call = _opened(path).send_burst
        self._port = port
        self._slab = ctypes.create_string_buffer(SLAB)
        self._protect = int(ffi.cast("uintptr_t", ffi.addressof(lib, "srtp_protect")))
        self._addresses: dict[tuple[str, int], tuple[int, int]] = {}
        self._outcome = _Outcome()
        self.dropped = self.unsealed = 0
        self.cuts = segmentation(port.socket)

    def send(self, burst: Burst, viewers: Sequence[Downtrack], stamp: int) -> None:
        if burst.prepared is None:
            burst.prepared = _prepared(burst)
        rows, at, write = bytearray(SCREEN.size * len(viewers)), 0, SCREEN.pack_into
        for viewer in viewers:
            found = self._addresses.get(viewer.address) or self._address(viewer.address)  # type: ignore[arg-type]
            if found is None:
                self.dropped += len(burst.parts)
                continue
            moved = viewer.continuity
            write(
                rows,
                at,
                viewer.srtp.session,
                viewer.ssrc,
                moved.timestamp & 0xFFFFFFFF,
                found[0],
                moved.sequence & 0xFFFF,
                moved.picture & 0xFFFF,
                moved.base & 0xFFFF,
                found[1],
            )
            at += SCREEN.size
        if at:
            self._out(burst, rows, at // SCREEN.size, stamp)

    def _out(self, burst: Burst, rows: bytearray, count: int, stamp: int) -> None:
        outcome = self._outcome
        screens = (ctypes.c_char * len(rows)).from_buffer(rows)
        stamped = int(burst.cohort.send_time_id != 0)
        handle, slab = self._port.socket.fileno(), self._slab
        one = byref(burst.prepared)
        if self._call(handle, self._protect, one, screens, count, stamped, stamp, slab, SLAB, byref(outcome)):
            raise ValueError("a burst whose places lie outside of it")
        self.dropped += outcome.dropped
        self.unsealed += outcome.unsealed
        if outcome.uncut:
            self.cuts = False

    def _address(self, address: tuple[str, int]) -> tuple[int, int] | None:
        """As the kernel takes it: both in network order."""
        try:
            host = int.from_bytes(socket.inet_aton(address[0]), sys.byteorder)
        except OSError:
            return None
        if len(self._addresses) >= KNOWN_ADDRESSES:
            self._addresses.clear()
        found = self._addresses[address] = host, socket.htons(address[1])
        return found


def _prepared(burst: Burst) -> _Burst:
    places = bytearray()
    for one in burst.places:
        at, width, value, base_at, index = one.picture or (0, 0, 0, 0, 0)
        wide = int(width == 2)
        places += PLACE.pack(
            one.at, one.length, one.timestamp, at, base_at, one.sequence, value & 0xFFFF, wide, index, 0
        )
    parts = b"".join(PART.pack(*part) for part in burst.parts)
    counts = len(burst.data), len(burst.places), len(burst.parts), burst.cohort.tag
    return _Burst(burst.data, bytes(places), parts, *counts)


def _opened(path: Path) -> Any:
    try:
        found: Any = ctypes.CDLL(str(path))
    except OSError as fault:
        raise NotThere(f"{path.name} cannot be opened (python -m media.native.build makes it): {fault}") from fault
    for name, layout in (("place", PLACE), ("part", PART), ("screen", SCREEN)):
        if found[f"size_of_{name}"]() != layout.size:
            raise NotThere(f"{path.name} has another struct {name} than this program")
    found.send_burst.restype = c_int
    found.send_burst.argtypes = (
        *(c_int, c_void_p, POINTER(_Burst), c_void_p, c_uint32, c_int, c_uint32, c_void_p, c_uint32),
        POINTER(_Outcome),
    )
    return found
