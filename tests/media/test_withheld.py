"""An ultrasound that is withheld from some people is not sent to them, whatever they ask for."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Browser, Error

from domain._live import Destination
from infra.media_tokens import Source
from tests.media.screens import screen
from tests.media.ward import Ward

WITHHELD: dict[str, Any] = {"withheld_from": frozenset({Destination.PATIENT_SIDE, Destination.OBSERVER})}


async def test_only_those_see_it_from_whom_it_is_not_withheld(chromium: Browser, ward: Ward) -> None:
    async with screen(chromium, ward) as probe, screen(chromium, ward) as doctor, screen(chromium, ward) as home:
        await probe.publish(Source.ULTRASOUND, grant=WITHHELD)
        await probe.publish(Source.CAMERA, grant=WITHHELD)
        await doctor.watch(Source.ULTRASOUND)
        await doctor.frames(10)
        for audience in WITHHELD["withheld_from"]:
            with pytest.raises(Error, match="409"):
                await home.watch(Source.ULTRASOUND, grant={"audience": audience})
        await home.watch(Source.CAMERA, grant={"audience": Destination.PATIENT_SIDE})
        await home.frames(10)


async def test_a_picture_that_comes_to_be_withheld_stops_for_them(chromium: Browser, ward: Ward) -> None:
    async with screen(chromium, ward) as probe, screen(chromium, ward) as doctor, screen(chromium, ward) as home:
        await probe.publish(Source.ULTRASOUND)
        await home.watch(Source.ULTRASOUND, grant={"audience": Destination.PATIENT_SIDE})
        await home.frames(10)
        await doctor.publish(Source.ULTRASOUND, grant=WITHHELD)
        await doctor.watch(Source.ULTRASOUND)
        seen = (await doctor.frames(30))["frames"]
        before = (await home.stats())["frames"]
        await doctor.frames(seen + 60)
        assert (await home.stats())["frames"] == before
