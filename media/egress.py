"""Sends bursts of a layer to all who get it: written once, numbered and encrypted for each.

Rules: sound goes before pictures; a layer has one burst under way, and what comes meanwhile makes up the next one, so
bursts grow with the load and each packet gets cheaper; work is done in slices of a few milliseconds, so that a key
frame for three hundred viewers keeps neither sound nor incoming packets waiting. One burst to one viewer is one system
call (UDP_SEGMENT): packets that differ by a few bytes are padded to one length for it (RFC 3550, 5.1).
"""

from __future__ import annotations

import asyncio
import errno
import socket
import time
from collections import deque
from collections.abc import Sequence
from struct import Struct, pack
from typing import TYPE_CHECKING, Any, NamedTuple

from media._aiortc import ffi, lib
from media.layer import Layer
from media.rtp import FIXED, Packet

if TYPE_CHECKING:
    from media.downtrack import Downtrack
    from media.udp import Port

SLICE_NS = 2_000_000
MOST_IN_A_BURST = 40
MOST_PADDING = 8
LARGEST_SEND = 60_000
SOL_UDP, UDP_SEGMENT = 17, 103
NUMBERS = Struct("!HII")
NUMBERS_AND_TIME = Struct("!HIIII")
ONE_WORD_OF_EXTENSIONS = 0xBEDE0001
SLAB = 80_000


class Cohort(NamedTuple):
    """Viewers whose packets differ in numbers only."""

    payload_type: int
    send_time_id: int
    tag: int


class Place(NamedTuple):
    """One packet in the slab: where its numbers are, where it begins, and how long it is before encryption."""

    at: int
    pointer: Any
    sequence: int
    timestamp: int
    length: int
    packet: Packet
    payload_at: int


class Template(NamedTuple):
    """A burst as one cohort gets it; `sends` are the slices of the slab and the segment size of each, or 0."""

    data: bytes
    places: Sequence[Place]
    sends: Sequence[tuple[memoryview, int]]
    octets: int


class Job:
    """A burst, and who still has to get it."""

    __slots__ = ("at", "layer", "packets", "starts", "templates", "viewers")

    def __init__(self, layer: Layer, packets: list[Packet], viewers: Sequence[Downtrack], starts: bool) -> None:
        self.layer, self.packets, self.viewers, self.starts = layer, packets, viewers, starts
        self.templates: dict[Cohort, Template] = {}
        self.at = 0


class Egress:
    """The way out of one worker."""

    def __init__(self, port: Port) -> None:
        self._port = port
        self._memory = ffi.new("char[]", SLAB)
        self._view = memoryview(ffi.buffer(self._memory))
        self._length = ffi.new("int *")
        self._sound: deque[Layer] = deque()
        self._pictures: deque[Layer] = deque()
        self._jobs: deque[Job] = deque()
        self._scheduled = False
        self.segmentation = _segmentation(port.socket)
        self.packets = self.octets = self.dropped = self.bursts = 0

    def push(self, layer: Layer, *, sound: bool) -> None:
        """This layer has something to hand on."""
        if not layer.queued:
            layer.queued = True
            (self._sound if sound else self._pictures).append(layer)

    def run(self) -> None:
        """Works for a slice; what is left goes on after whatever else the loop has to do."""
        until = time.monotonic_ns() + SLICE_NS
        while self._sound:
            for job in self._jobs_of(self._sound.popleft()):
                self._do(job, None)
        while self._jobs or self._pictures:
            if not self._jobs:
                self._jobs.extend(self._jobs_of(self._pictures.popleft()))
                continue
            if not self._do(self._jobs[0], until):
                break
            self._jobs.popleft()
        if (self._jobs or self._pictures) and not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._again)

    def finish(self, layer: Layer) -> None:
        """Sends out at once what this layer has waiting, for a viewer who goes over to another of the same picture."""
        for job in [job for job in self._jobs if job.layer is layer]:
            self._do(job, None)
            self._jobs.remove(job)
        while layer.pending:
            for job in self._jobs_of(layer):
                self._do(job, None)

    def _again(self) -> None:
        self._scheduled = False
        self.run()

    def _jobs_of(self, layer: Layer) -> list[Job]:
        layer.queued = False
        jobs, packets = [], layer.pending[:MOST_IN_A_BURST]
        del layer.pending[:MOST_IN_A_BURST]
        if layer.pending:
            layer.queued = True
            self._pictures.append(layer)
        if layer.viewers:
            jobs.append(Job(layer, packets, tuple(layer.viewers), starts=False))
        if layer.waiting and (first := layer.key_frame_in(packets)) is not None:
            starters = tuple(layer.waiting)
            layer.waiting.clear()
            for viewer in starters:
                viewer.begin(layer, first)
            # Up to what is in bursts already: the rest is pending, and comes to them with the others.
            already = [p for p in layer.since(first) if p not in layer.pending]
            for at in range(0, len(already), MOST_IN_A_BURST):
                jobs.append(Job(layer, already[at : at + MOST_IN_A_BURST], starters, starts=True))
        return jobs

    def _do(self, job: Job, until: int | None) -> bool:
        """Sends to as many as fit into the slice; True when all have it."""
        viewers, layer = job.viewers, job.layer
        while job.at < len(viewers):
            viewer = viewers[job.at]
            job.at += 1
            if viewer.layer is not layer or viewer.address is None:
                continue
            template = job.templates.get(viewer.cohort)
            if template is None:
                template = job.templates[viewer.cohort] = self._template(job.packets, viewer.cohort)
            self._send(template, viewer)
            if until is not None and time.monotonic_ns() > until:
                return job.at >= len(viewers)
        return True

    def _send(self, template: Template, viewer: Downtrack) -> None:
        view, length, protect, tx = self._view, self._length, lib.srtp_protect, viewer.srtp.tx
        view[: len(template.data)] = template.data
        shift, later, ssrc = viewer.continuity.sequence, viewer.continuity.timestamp, viewer.ssrc
        if viewer.continuity.picture or viewer.continuity.base:
            self._number_pictures(template, viewer)
        stamp = viewer.cohort.send_time_id
        if stamp:
            write = NUMBERS_AND_TIME.pack_into
            word = (stamp << 4 | 2) << 24 | send_time(time.monotonic_ns())
            for at, pointer, sequence, timestamp, size, _, _ in template.places:
                write(
                    view,
                    at,
                    (sequence + shift) & 0xFFFF,
                    (timestamp + later) & 0xFFFFFFFF,
                    ssrc,
                    ONE_WORD_OF_EXTENSIONS,
                    word,
                )
                length[0] = size
                protect(tx, pointer, length)
        else:
            plain = NUMBERS.pack_into
            for at, pointer, sequence, timestamp, size, _, _ in template.places:
                plain(view, at, (sequence + shift) & 0xFFFF, (timestamp + later) & 0xFFFFFFFF, ssrc)
                length[0] = size
                protect(tx, pointer, length)
        self._put_out(template, viewer.address)
        viewer.packets += len(template.places)
        viewer.octets += template.octets
        self.packets += len(template.places)
        self.octets += template.octets
        self.bursts += 1

    def _put_out(self, template: Template, address: Any) -> None:
        send, sendto = self._port.socket.sendmsg, self._port.socket.sendto
        for part, segment in template.sends:
            try:
                if segment:
                    send([part], [(SOL_UDP, UDP_SEGMENT, pack("H", segment))], 0, address)
                else:
                    sendto(part, address)
            except (BlockingIOError, InterruptedError):
                self.dropped += 1
            except OSError as error:
                if segment and error.errno in (errno.EIO, errno.EINVAL, errno.EOPNOTSUPP):
                    # This device cannot cut bursts; from now on each packet is sent by itself.
                    self.segmentation = False
                self.dropped += 1

    def _number_pictures(self, template: Template, viewer: Downtrack) -> None:
        for place in template.places:
            picture = place.packet.picture
            if picture is None:
                continue
            at, width, value, base = picture
            if width == 2:
                number = 0x8000 | (value + viewer.continuity.picture) & 0x7FFF
                self._view[place.payload_at + at : place.payload_at + at + 2] = number.to_bytes(2)
            else:
                self._view[place.payload_at + at] = (value + viewer.continuity.picture) & 0x7F
            if base:
                index = place.packet.payload[base] + viewer.continuity.base
                self._view[place.payload_at + base] = index & 0xFF

    def _template(self, packets: Sequence[Packet], cohort: Cohort) -> Template:
        header = FIXED + (8 if cohort.send_time_id else 0)
        lengths = _equalised([header + len(packet.payload) for packet in packets])
        data, places, sends = bytearray(), [], []
        begin, segment = 0, 0
        for packet, length in zip(packets, lengths, strict=True):
            full = length + cohort.tag
            at = len(data)
            # A shorter packet may only be the last of a send, and a longer one begins the next.
            if not self.segmentation or (segment and (full > segment or at - begin + full > LARGEST_SEND)):
                if at > begin:
                    sends.append((self._view[begin:at], segment if at - begin > segment else 0))
                begin, segment = at, 0
            segment = segment or full
            data += _written(packet, cohort, header, length) + bytes(cohort.tag)
            places.append(
                Place(at + 2, self._memory + at, packet.sequence, packet.timestamp, length, packet, at + header)
            )
            if full < segment:
                sends.append((self._view[begin : len(data)], segment))
                begin, segment = len(data), 0
        if len(data) > begin:
            sends.append((self._view[begin : len(data)], segment if len(data) - begin > segment else 0))
        return Template(bytes(data), places, sends, sum(len(packet.payload) for packet in packets))


def _written(packet: Packet, cohort: Cohort, header: int, length: int) -> bytes:
    padding = length - header - len(packet.payload)
    first = 0x80 | (0x10 if cohort.send_time_id else 0) | (0x20 if padding else 0)
    head = bytes([first, packet.marker << 7 | cohort.payload_type]) + bytes(header - 2)
    return head + packet.payload + (bytes(padding - 1) + bytes([padding]) if padding else b"")


def _equalised(lengths: Sequence[int]) -> list[int]:
    """Lengths in which neighbours that differ by a few bytes are as long as the longest of them."""
    out, at = list(lengths), 0
    while at < len(out):
        low = high = lengths[at]
        end = at + 1
        while end < len(out):
            low, high = min(low, lengths[end]), max(high, lengths[end])
            if high - low > MOST_PADDING:
                break
            end += 1
        longest = max(lengths[at:end])
        out[at:end] = [longest] * (end - at)
        at = end
    return out


def send_time(now_ns: int) -> int:
    """The 24 bits of abs-send-time: seconds in 6.18 fixed point."""
    return (now_ns << 18) // 1_000_000_000 & 0xFFFFFF


def _segmentation(sock: socket.socket) -> bool:
    try:
        sock.setsockopt(SOL_UDP, UDP_SEGMENT, 0)
    except OSError:
        return False
    return True
