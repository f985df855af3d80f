"""The consultation as a session: planned, filled with 206 points, opened, one line lost and found, closed, signed."""

from __future__ import annotations

from uuid import UUID

from infra.demo.cases import STORIES
from infra.demo.day import Day, NotAsItMustBe, Person, all_of
from infra.demo.hospitals import Hospital, network
from infra.demo.live.day import LiveDay
from infra.demo.people import Cast
from infra.demo.watchers import Watchers

CONFIRMED_AT_ONCE = 4
JOINED_AT_ONCE = 2
JOIN_TAKES_S = 0.03
TITLE = "Khai trương Telehealth 27/8/2020: hội chẩn trực tuyến 206 điểm cầu"
MINUTES = """
query ($id: UUID!, $position: Position) {
  consultationMinutes(consultationId: $id, minPosition: $position) { contentSha256 genuine minutesVersion status }
}
"""


async def plan(day: Day, cast: Cast, id_: UUID) -> None:
    """Bach Mai plans, and invites the five to present and the 200 to observe; all confirm."""
    given = {
        "consultationId": str(id_),
        "kind": "CONSULTATION",
        "mode": "REMOTE_CONSULTATION",
        "title": TITLE,
        "speciality": "internal_medicine",
        "period": cast.period,
        "centreId": str(cast.centre.id),
        "responsibleId": str(cast.responsible.id),
        "chairId": str(cast.chair.id),
        "teaching": True,
    }
    await day.do(cast.chair, "planConsultation", given)
    day.stage.say("Bạch Mai lên lịch hội chẩn / Bach Mai plans the consultation")
    for point in cast.points:
        await _invite(day, cast, id_, point.id, "BRIDGE_POINT")
    observers = network()[1 + len(cast.points) :]
    for hospital in observers:
        await _invite(day, cast, id_, hospital.id, "OBSERVER")
    day.stage.say(f"Mời {len(cast.points)} điểm cầu trình ca và {len(observers)} bệnh viện theo dõi / invited")
    guests = [*cast.doctors.values(), *cast.observers]
    await all_of(CONFIRMED_AT_ONCE, *(_at_point(day, "confirmPoint", who, id_) for who in guests))
    day.stage.say(f"{len(guests)} điểm cầu xác nhận / points confirmed")


async def _invite(day: Day, cast: Cast, id_: UUID, facility_id: UUID, role: str) -> None:
    given = {"consultationId": str(id_), "facilityId": str(facility_id), "role": role}
    await day.do(cast.chair, "invitePoint", given)


async def _at_point(day: Day, name: str, who: Person, id_: UUID) -> None:
    await day.do(who, name, {"consultationId": str(id_), "facilityId": str(who.facility_id)})


async def _observe(day: Day, who: Person, id_: UUID) -> None:
    await _at_point(day, "joinPoint", who, id_)
    await day.beat(JOIN_TAKES_S)


async def open_(day: Day, cast: Cast, id_: UUID) -> None:
    """The session opens and everybody comes on the line."""
    await day.do(cast.chair, "openConsultation", {"consultationId": str(id_)})
    day.stage.say("Phiên hội chẩn mở / the session is open")
    for doctor in cast.doctors.values():
        await _at_point(day, "joinPoint", doctor, id_)
        await day.beat(0.2)
    await all_of(JOINED_AT_ONCE, *(_observe(day, who, id_) for who in cast.observers))
    day.stage.say(f"{len(cast.observers)} bệnh viện theo dõi đã vào / observers are on the line")
    silent = {"consultationId": str(id_), "facilityId": str(cast.observers[0].facility_id)}
    await day.try_in_vain(cast.chair, "giveFloor", silent, "OBSERVERS_ARE_SILENT")


async def lose_line(day: Day, cast: Cast, id_: UUID, point: Hospital, watchers: Watchers, live: LiveDay | None) -> None:
    """The socket and the camera of the point are cut off; the chair, who sees it go, notes it."""
    watchers.at(cast.doctors[point.code].name).subscription.cut()
    if live is not None:
        await live.lose(point)
    await day.beat(0.5)
    given = {"consultationId": str(id_), "facilityId": str(point.id), "reason": "LINE_LOST"}
    await day.do(cast.chair, "leavePoint", given)
    day.stage.say(f"{point.name_vi} mất đường truyền / lost its line")


async def find_line(day: Day, cast: Cast, id_: UUID, point: Hospital, watchers: Watchers, live: LiveDay | None) -> None:
    """The point comes back to its place, its subscription to the position it saw last, its picture to who saw it."""
    watcher = watchers.at(cast.doctors[point.code].name)
    seen = watcher.subscription.position
    watcher.subscription.restore()
    await _at_point(day, "joinPoint", cast.doctors[point.code], id_)
    if live is not None:
        await live.find(point)
    day.stage.say(f"{point.name_vi} trở lại chỗ cũ, nhận tiếp sau vị trí {seen} / is back in its place")


async def close(day: Day, cast: Cast, id_: UUID) -> None:
    """The session ends with its minutes, which every side reads and signs."""
    closed = await day.do(cast.responsible, "closeConsultation", {"consultationId": str(id_)})
    day.stage.say("Kết thúc hội chẩn, biên bản chờ ký / closed, the minutes wait for signatures")
    for signer in (cast.chair, *(cast.doctors[story.point] for story in STORIES)):
        answer = await day.ask(signer, MINUTES, id=str(id_), position=closed.position)
        minutes = answer["consultationMinutes"]
        if not minutes["genuine"]:
            raise NotAsItMustBe("the minutes that are shown are not those that were written")
        given = {
            "consultationId": str(id_),
            "facilityId": str(signer.facility_id),
            "contentSha256": minutes["contentSha256"],
        }
        await day.do(signer, "signMinutes", given)
        await day.beat(0.2)
    day.stage.say(f"Biên bản đã ký ở cả {1 + len(STORIES)} phía / minutes signed by all sides")
