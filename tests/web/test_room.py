"""A consultation in the browser: three points, one of them with an ultrasound, another at a phone."""

from __future__ import annotations

from typing import Any

from tests.web.conftest import Room
from tests.web.seats import Seat, until

STILLS = """query ($id: UUID!) { pictureMarks(liveSessionId: $id, what: [STILL], first: 50) { nodes { imageId } } }"""


async def shown(one: Seat, selector: str) -> Any:
    return await one.page.wait_for_selector(selector)


async def test_three_points_see_each_other_and_the_ultrasound(room: Room) -> None:
    for one, pictures in zip(room.seats, (3, 2, 3), strict=True):
        await one.sees(pictures)
    assert [one.faults for one in room.seats] == [[], [], []]


async def test_an_ultrasound_arrives_in_its_full_size_and_is_labelled(room: Room) -> None:
    await room.chair.until('() => document.getElementById("big").videoWidth === 1920')
    assert await room.chair.reads('() => document.getElementById("big").videoHeight') == 1080
    label = await shown(room.chair, "[data-diagnostic]")
    passed = await label.get_attribute("data-diagnostic")
    expected = "Đạt chất lượng chẩn đoán" if passed == "true" else "Không dùng để chẩn đoán"
    assert await label.inner_text() == expected


async def test_an_ultrasound_is_sent_over_a_connection_of_its_own_and_keeps_its_resolution(room: Room) -> None:
    told = await room.probe.reads(
        """() => [...room.sent.values()].map(({ source, pc }) => {
            const { sender } = pc.getTransceivers().find((one) => one.sender.track.kind === "video");
            const { degradationPreference, encodings } = sender.getParameters();
            const { codecs } = sender.getParameters();
            return { source, hint: sender.track.contentHint, degradationPreference, codec: codecs[0].mimeType,
              most: encodings[0].maxBitrate };
        })"""
    )
    scan = next(one for one in told if one["source"] == "ultrasound")
    assert len(told) == 2
    assert (scan["hint"], scan["degradationPreference"], scan["most"]) == ("detail", "maintain-resolution", 6_000_000)
    assert scan["codec"] in ("video/H264", "video/VP9")


PRESSED = """() => document.addEventListener("pointerdown", (event) => {
    const box = document.getElementById("big").getBoundingClientRect();
    window.pressed = { x: (event.clientX - box.left) / box.width, y: (event.clientY - box.top) / box.height };
}, { capture: true, once: true })"""


async def test_what_one_draws_all_see_at_the_same_place(room: Room) -> None:
    chair = room.chair.page
    await room.phone.until('() => document.getElementById("big").videoWidth === 1920')
    await chair.click('[data-tool="arrow"]')
    await shown(room.chair, ".drawing.in-use")
    box = await (await shown(room.chair, ".drawing")).bounding_box()
    assert box is not None
    # The picture may change its size meanwhile: what counts is where in it is pressed.
    await room.chair.reads(PRESSED)
    await chair.mouse.move(box["x"] + 0.25 * box["width"], box["y"] + 0.25 * box["height"])
    await chair.mouse.down()
    await chair.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.5 * box["height"], steps=5)
    await chair.mouse.up()
    await chair.keyboard.press("Escape")
    await chair.wait_for_selector(".strokes path", state="attached")
    drawn = await room.phone.page.wait_for_selector(".strokes path", state="attached")
    assert drawn is not None
    path = await drawn.get_attribute("d")
    across, down = (float(part) for part in str(path).removeprefix("M").split("L")[0].split())
    width, height = await room.phone.reads("() => [big.videoWidth, big.videoHeight]")
    pressed = await room.chair.reads("() => window.pressed")
    assert abs(across / width - pressed["x"]) < 0.01
    assert abs(down / height - pressed["y"]) < 0.01
    assert all(0.1 < part < 0.4 for part in pressed.values())
    await chair.click('[data-tool="clear"]')
    await room.phone.page.wait_for_selector(".strokes path", state="detached")


async def test_a_frozen_picture_stands_for_all_until_it_is_released(room: Room) -> None:
    await room.chair.page.click('[data-tool="freeze"]')
    for one in room.seats:
        await shown(one, ".tag.info")
        await one.page.wait_for_selector("canvas.still:not([hidden])")
    await room.probe.page.click('[data-tool="release"]')
    for one in room.seats:
        await one.page.wait_for_selector(".tag.info", state="detached")


async def test_a_still_of_the_sender_is_stored_without_loss_and_told(room: Room) -> None:
    await room.probe.page.click('[data-tool="still"]')
    told = await shown(room.probe, ".told .ok")
    assert "1920×1080" in await told.inner_text()
    id_ = await room.probe.reads("() => room.ticket.liveSessionId")

    async def stored() -> Any:
        return (await room.care.ask(room.care.people[0], STILLS, id=id_))["pictureMarks"]["nodes"]

    assert len(await until(stored)) == 1


async def test_a_second_still_from_elsewhere_is_a_key_frame(room: Room) -> None:
    await room.chair.page.click('[data-tool="still"]')
    assert "1920×1080" in await (await shown(room.chair, ".told .ok")).inner_text()


async def test_everybody_is_asked_before_anything_is_recorded_and_the_screen_says_what_runs(room: Room) -> None:
    chair = room.chair.page
    assert await (await shown(room.chair, "[data-recording]")).get_attribute("data-recording") == "off"
    await chair.click("#consent-yes")
    await room.phone.page.click("#consent-no")
    await room.chair.open("record")
    await room.chair.until('() => document.querySelectorAll(".consent .yes").length >= 2')
    refused = await room.phone.reads(
        "() => room.room.tracks.filter((one) => one.participantId === room.ticket.participantId)"
        ".flatMap((one) => one.consented)"
    )
    assert refused == []
    await chair.click("#start-recording")
    for one in room.seats:
        await one.until('() => document.querySelector("[data-recording]").dataset.recording === "starting"')
    people = await room.chair.reads(
        "() => room.room.recordings.at(-1).trackIds.map((id) => room.room.tracks.find((one) => one.trackId === id)"
        ".participantId === room.ticket.participantId)"
    )
    assert set(people) == {True}, "nobody is recorded who did not agree"
    await chair.click("#stop-recording")
    await room.chair.until('() => document.querySelector("[data-recording]").dataset.recording === "off"')


async def test_the_chair_gives_the_floor_and_every_screen_shows_it(room: Room) -> None:
    await room.chair.open("people")
    await room.chair.page.click(".people li:has-text('Sa Pa') button:text-is('Mời phát biểu')")
    for one in room.seats:
        await one.page.wait_for_selector(".mark-tag.floor")


async def test_the_language_changes_without_leaving(room: Room) -> None:
    await room.chair.page.click("#language")
    await shown(room.chair, "#bar-leave .label:text-is('Leave')")
    assert await room.chair.reads("() => document.documentElement.lang") == "en"
    await room.chair.page.click("#language")
    await shown(room.chair, "#bar-leave .label:text-is('Rời phòng')")
