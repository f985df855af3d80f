"""Who sends nothing hears of the worker all the same, since a silent line is taken for a dead one."""

from __future__ import annotations

import time

import pytest
from playwright.async_api import Browser

from media.layer import QUIET_NS
from media.publisher import Publisher
from tests.media.screens import screen
from tests.media.ward import Ward


async def test_a_camera_that_sends_nothing_hears_of_the_worker_at_every_look(
    chromium: Browser, ward: Ward, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with screen(chromium, ward) as camera:
        await camera.publish(audio=False)
        (publisher,) = (one for one in ward.engine.peers.values() if isinstance(one, Publisher))
        (layer,) = publisher.layers
        said: list[bytes] = []
        monkeypatch.setattr(publisher, "send_control", said.append)
        assert layer.newest is not None
        publisher.look(layer.newest.arrived_ns)
        assert not said, "what arrives is told twenty times a second"
        await camera.page.evaluate("kept.camera.pc.getSenders().forEach((one) => one.replaceTrack(null))")
        await ward.until(lambda: layer.quiet(time.monotonic_ns()))
        said.clear()
        publisher.look(layer.newest.arrived_ns + QUIET_NS + 1)
        assert len(said) == 1
