"""In which order packets leave: sound first, frames whole, pictures and viewers by turns, nobody out of order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from media import egress as module
from media.burst import Burst
from media.downtrack import Downtrack
from media.egress import Egress
from media.layer import Layer
from media.payloads import inspect_nothing
from media.rtp import Packet
from media.sender import PythonSender
from media.udp import Port
from tests.media.far_end import receiver, sealing

Sent = list[tuple[str, int, list[int]]]


class Noting(PythonSender):
    """Sends, and notes which burst of which layer went to whom: the layer is told by the payload."""

    def __init__(self, port: Port) -> None:
        super().__init__(port)
        self.sent: Sent = []

    def send(self, burst: Burst, viewers: Sequence[Downtrack], stamp: int) -> None:
        super().send(burst, viewers, stamp)
        name = chr(burst.data[burst.places[0].at + 12])
        for viewer in viewers:
            self.sent.append((name, viewer.ssrc, [place.sequence for place in burst.places]))


class Way:
    """An egress whose slices are one viewer's burst long, and the layers that it serves."""

    def __init__(self, port: Port) -> None:
        self.egress = Egress(port)
        self.noting = self.egress.sender = Noting(port)
        self._port, self._socket = port, receiver()
        self._count: dict[Layer, int] = {}
        self._names: dict[Layer, bytes] = {}

    def layer(self, name: str, viewers: int) -> Layer:
        made = Layer(1, "", 90_000, 256, inspect_nothing)
        first = Packet(0, 0, 1, name.encode(), 1)
        made.take(first, 10)
        made.pending.clear()
        self._count[made], self._names[made] = 0, name.encode()
        for number in range(viewers):
            down = Downtrack(self._port, sealing(), (number, 900 + number), (96, 97), 0)
            down.address = self._socket.getsockname()
            down.begin(made, first)
        return made

    def comes(self, layer: Layer, count: int, *, end: bool, repaired: bool = False) -> None:
        """So many packets of a frame; `end` is whether the last of them ends it."""
        for number in range(count):
            self._count[layer] += 1
            marker = int(end and number == count - 1)
            layer.take(Packet(self._count[layer], 0, marker, self._names[layer], 1, repaired), 10)
            self.egress.push(layer, sound=self._names[layer] == b"s")

    async def all(self, packets: int) -> Sent:
        async with asyncio.timeout(20):
            while self.egress.packets < packets:
                await asyncio.sleep(0)
        return self.noting.sent

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """After each burst to each viewer the slice is over."""
    monkeypatch.setattr(module, "SLICE_NS", 0)
    monkeypatch.setattr(module, "PACKETS_A_GROUP", 1)


@pytest.fixture
def way(port: Port, small: None) -> Way:
    return Way(port)


def on_the(way: Way, work: Callable[[], object]) -> None:
    """Within a loop, as all of this lives in one."""

    async def within() -> None:
        result = work()
        if asyncio.iscoroutine(result):
            await result

    try:
        asyncio.run(within())
    finally:
        way.close()


def test_sound_goes_before_a_picture_that_was_there_first(way: Way) -> None:
    async def play() -> None:
        picture, sound = way.layer("a", 3), way.layer("s", 3)
        way.comes(picture, 2, end=True)
        way.comes(sound, 1, end=False)
        way.egress.run()
        assert [name for name, _, _ in way.noting.sent] == ["s", "s", "s", "a"]
        await way.all(9)

    on_the(way, play)


def test_sound_does_not_wait_for_a_key_frame_that_is_on_its_way_to_many(way: Way) -> None:
    async def play() -> None:
        picture, sound = way.layer("a", 5), way.layer("s", 2)
        way.comes(picture, 43, end=True)
        way.egress.run()
        way.comes(sound, 1, end=False)
        way.egress.run()
        sent = await way.all(5 * 43 + 2)
        assert [name for name, _, _ in sent] == ["a", "s", "s", "a", "a", "a", "a"]

    on_the(way, play)


def test_two_pictures_take_turns(way: Way) -> None:
    async def play() -> None:
        one, other = way.layer("a", 3), way.layer("b", 3)
        way.comes(one, 43, end=True)
        way.comes(other, 5, end=True)
        way.egress.run()
        sent = await way.all(3 * 48)
        assert [name for name, _, _ in sent] == ["a", "b", "a", "b", "a", "b"]

    on_the(way, play)


def test_a_frame_goes_as_one_burst_when_its_end_is_there(way: Way) -> None:
    def play() -> None:
        picture = way.layer("a", 1)
        way.comes(picture, 2, end=False)
        way.egress.run()
        assert way.noting.sent == []
        way.comes(picture, 2, end=True)
        way.egress.run()
        assert way.noting.sent == [("a", 0, [1, 2, 3, 4])]

    on_the(way, play)


def test_a_frame_whose_end_does_not_come_goes_without_it(way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HOLD_NS", 1_000)

    async def play() -> None:
        picture = way.layer("a", 1)
        way.comes(picture, 2, end=False)
        assert await way.all(2) == [("a", 0, [1, 2])]

    async def woken() -> None:
        # Once is enough: after that it wakes by itself.
        asyncio.get_running_loop().call_soon(way.egress.run)
        await play()

    on_the(way, woken)


def test_what_was_repaired_waits_for_nothing(way: Way) -> None:
    def play() -> None:
        picture = way.layer("a", 1)
        way.comes(picture, 1, end=False, repaired=True)
        way.egress.run()
        assert way.noting.sent == [("a", 0, [1])]

    on_the(way, play)


def test_each_viewer_is_the_first_sometimes(way: Way) -> None:
    async def play() -> None:
        picture, first = way.layer("a", 4), set()
        for number in range(1, 301):
            way.comes(picture, 1, end=True)
            way.egress.run()
            await way.all(4 * number)
            first.add(way.noting.sent[-4][1])
        assert first == {0, 1, 2, 3}

    on_the(way, play)


def test_who_goes_away_meanwhile_gets_nothing_more(way: Way) -> None:
    async def play() -> None:
        picture = way.layer("a", 3)
        way.comes(picture, 2, end=True)
        way.egress.run()
        (_, served, _) = way.noting.sent[0]
        for viewer in [one for one in picture.viewers if one.ssrc != served]:
            viewer.follow(None)
        way.comes(picture, 1, end=True)
        assert await way.all(3) == [("a", served, [1, 2]), ("a", served, [3])]

    on_the(way, play)


def test_sound_that_fills_a_slice_does_not_stop_the_pictures(way: Way) -> None:
    async def play() -> None:
        picture, sound = way.layer("a", 2), way.layer("s", 2)
        way.comes(picture, 1, end=True)
        for _ in range(2):
            way.comes(sound, 1, end=False)
            way.egress.run()
        assert [name for name, _, _ in way.noting.sent].count("a") == 2

    on_the(way, play)


STEPS = st.lists(st.tuples(st.sampled_from("abs"), st.integers(1, 70), st.booleans(), st.booleans()), max_size=30)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=STEPS)
def test_each_viewer_gets_everything_in_its_order(
    port: Port, small: None, steps: list[tuple[str, int, bool, bool]]
) -> None:
    way, viewers = Way(port), 3

    async def play() -> None:
        layers = {name: way.layer(name, viewers) for name in "abs"}
        count = dict.fromkeys(layers, 0)
        for name, packets, end, work in steps:
            count[name] += packets
            way.comes(layers[name], packets, end=end)
            if work:
                way.egress.run()
        way.egress.run()
        await way.all(viewers * sum(count.values()))
        for name, total in count.items():
            for ssrc in range(viewers):
                got = [one for of, to, sequences in way.noting.sent if (of, to) == (name, ssrc) for one in sequences]
                assert got == list(range(1, total + 1))

    on_the(way, play)
