"""The way out of a worker: in which order what goes to whom.

Rules: sound goes at once and before pictures. A picture's packets wait for the end of their frame, for some
milliseconds at most, and go as one burst: a viewer can do nothing with half a frame, and a burst is one system call.
Each layer has one burst under way, and what comes meanwhile makes up the next one, so bursts grow with the load and
each packet gets cheaper. Work is done in slices of a few milliseconds and layers take turns, so that a key frame for
three hundred viewers keeps neither sound nor incoming packets nor another picture waiting; who of the viewers is first
is left to chance, and each gets its packets in their order.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from random import randrange
from typing import TYPE_CHECKING, NamedTuple

from media.burst import MOST_PACKETS, Burst, Cohort, burst, send_time
from media.layer import Layer
from media.rtp import Packet
from media.sender import PythonSender, Sender

if TYPE_CHECKING:
    from media.downtrack import Downtrack
    from media.udp import Port

SLICE_NS = 2_000_000
HOLD_NS = 5_000_000
"""How long the first packets of a frame wait for its last one."""
PACKETS_A_GROUP = 64
"""So many packets leave under one send time, a third of a millisecond's work."""


class Job:
    """A burst, and who still has to get it."""

    __slots__ = ("at", "bursts", "packets", "viewers")

    def __init__(self, packets: list[Packet], viewers: Sequence[Downtrack]) -> None:
        self.packets, self.viewers = packets, viewers
        self.bursts: dict[Cohort, Burst] = {}
        self.at = 0


class Turn(NamedTuple):
    """What a layer has to do before its next burst."""

    layer: Layer
    jobs: deque[Job]


class Egress:
    """The way out of one worker. `sender` does the work of it; another one may be put in its place."""

    def __init__(self, port: Port) -> None:
        self.sender: Sender = PythonSender(port)
        self._sound: deque[Layer] = deque()
        self._pictures: deque[Layer] = deque()
        self._turns: deque[Turn] = deque()
        self._held: dict[Layer, int] = {}
        self._scheduled = False
        self._alarm: asyncio.TimerHandle | None = None
        self.packets = self.octets = self.bursts = 0

    @property
    def dropped(self) -> int:
        """What was lost on the way out."""
        return self.sender.dropped + self.sender.unsealed

    def push(self, layer: Layer, *, sound: bool) -> None:
        """This layer has something to hand on."""
        if layer.queued:
            return
        if sound or _is_whole(layer.pending):
            self._held.pop(layer, None)
            layer.queued = True
            (self._sound if sound else self._pictures).append(layer)
        elif layer not in self._held:
            self._held[layer] = time.monotonic_ns() + HOLD_NS

    def run(self) -> None:
        """Works for a slice; what is left goes on after whatever else the loop has to do."""
        if self._held:
            self._release(time.monotonic_ns())
        while self._sound:
            self._work(self._turn_of(self._sound.popleft()), None)
        until = time.monotonic_ns() + SLICE_NS
        while self._pictures or self._turns:
            self._turns.extend(self._turn_of(layer) for layer in self._pictures)
            self._pictures.clear()
            if not self._work(self._turns[0], until):
                # The next slice belongs to another layer.
                self._turns.rotate(-1)
                break
            self._turns.popleft()
        if self._turns and not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._again)
        if self._held and self._alarm is None:
            self._alarm = asyncio.get_running_loop().call_later(HOLD_NS / 1e9, self._rung)

    def finish(self, layer: Layer) -> None:
        """Sends out at once what this layer has waiting, for a viewer who goes over to another of the same picture."""
        for turn in [turn for turn in self._turns if turn.layer is layer]:
            self._turns.remove(turn)
            self._empty(turn)
        while layer.pending:
            self._empty(self._turn_of(layer))
        if layer in self._pictures:
            self._pictures.remove(layer)
        self._held.pop(layer, None)
        layer.queued = False

    def _empty(self, turn: Turn) -> None:
        for job in turn.jobs:
            self._do(job, turn.layer, None)

    def _again(self) -> None:
        self._scheduled = False
        self.run()

    def _rung(self) -> None:
        self._alarm = None
        self.run()

    def _release(self, now_ns: int) -> None:
        """What has waited long enough for the end of its frame goes without it."""
        for layer, until_ns in list(self._held.items()):
            if now_ns >= until_ns:
                del self._held[layer]
                layer.queued = True
                self._pictures.append(layer)

    def _turn_of(self, layer: Layer) -> Turn:
        packets = layer.pending[:MOST_PACKETS]
        del layer.pending[:MOST_PACKETS]
        jobs: deque[Job] = deque()
        if layer.viewers:
            first = randrange(len(layer.viewers))
            jobs.append(Job(packets, (*layer.viewers[first:], *layer.viewers[:first])))
        if layer.waiting and (key_frame := layer.key_frame_in(packets)) is not None:
            starters = tuple(layer.waiting)
            layer.waiting.clear()
            for viewer in starters:
                viewer.begin(layer, key_frame)
            # Up to what is in bursts already: the rest is pending, and comes to them with the others.
            already = [p for p in layer.since(key_frame) if p not in layer.pending]
            for at in range(0, len(already), MOST_PACKETS):
                jobs.append(Job(already[at : at + MOST_PACKETS], starters))
        return Turn(layer, jobs)

    def _work(self, turn: Turn, until: int | None) -> bool:
        """Goes on with a layer's turn; True when it is over, and the layer may have another one."""
        layer, jobs = turn
        while jobs:
            if not self._do(jobs[0], layer, until):
                return False
            jobs.popleft()
        layer.queued = False
        if layer.pending:
            self.push(layer, sound=until is None)
        return True

    def _do(self, job: Job, layer: Layer, until: int | None) -> bool:
        """Sends to as many as fit into the slice; True when all have it."""
        viewers, size = job.viewers, max(1, PACKETS_A_GROUP // len(job.packets))
        while job.at < len(viewers):
            now_ns = time.monotonic_ns()
            group: dict[Cohort, list[Downtrack]] = {}
            for viewer in viewers[job.at : job.at + size]:
                if viewer.layer is layer and viewer.address is not None:
                    group.setdefault(viewer.cohort, []).append(viewer)
            job.at += size
            for cohort, members in group.items():
                self._send(job, cohort, members, send_time(now_ns))
            # Looked at after the work, so that each slice does some however much sound there is.
            if until is not None and time.monotonic_ns() >= until:
                return job.at >= len(viewers)
        return True

    def _send(self, job: Job, cohort: Cohort, viewers: Sequence[Downtrack], stamp: int) -> None:
        one = job.bursts.get(cohort)
        if one is None:
            one = job.bursts[cohort] = burst(job.packets, cohort, segmentation=self.segmentation)
        self.sender.send(one, viewers, stamp)
        count = len(one.places)
        for viewer in viewers:
            viewer.packets += count
            viewer.octets += one.octets
        self.packets += count * len(viewers)
        self.octets += one.octets * len(viewers)
        self.bursts += len(viewers)

    @property
    def segmentation(self) -> bool:
        """Whether bursts are cut by the kernel, so that one takes one system call."""
        return self.sender.cuts

    @segmentation.setter
    def segmentation(self, wanted: bool) -> None:
        self.sender.cuts = wanted


def _is_whole(packets: Sequence[Packet]) -> bool:
    """Whether to wait for more would gain nothing: the frame is complete, or somebody waits for what was repaired."""
    newest = packets[-1]
    return bool(newest.marker) or newest.repaired or len(packets) >= MOST_PACKETS
