"""Is the day as it must be? Each rule compares two independent accounts, and says in words what differs.

The accounts: the log as an auditor reads it, the views, what each subscriber was told, and the answers to commands.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from infra.client import Accepted
from infra.demo.cases import STORIES
from infra.demo.delivery import Delivery
from infra.demo.evidence import Events, Evidence
from infra.demo.hospitals import ALL, PROVINCES
from infra.demo.live import verdict as live
from infra.demo.views import Views


def complaints(evidence: Evidence) -> list[str]:
    """Everything that is not as it must be."""
    return [
        *_log_is_dense(evidence),
        *_answers_are_in_the_log(evidence),
        *_everybody_was_told(evidence.delivered),
        *_board_is_the_log(evidence.views, evidence.session),
        *_minutes_are_the_log(evidence.views, evidence.session),
        *_patients_are_the_log(evidence.views, evidence.log),
        *_network_is_connected(evidence.views),
        *(live.complaints(evidence.live, evidence.log) if evidence.live else ()),
    ]


def is_dense(evidence: Evidence) -> bool:
    """Whether the log has every position once, in order."""
    found = [event["position"] for event in evidence.log]
    return found == list(range(evidence.before + 1, evidence.last + 1))


def _log_is_dense(evidence: Evidence) -> Iterator[str]:
    if not is_dense(evidence):
        span = f"{evidence.before + 1} to {evidence.last}"
        yield f"the log from {span} has {len(evidence.log)} events, or not in order"


def _answers_are_in_the_log(evidence: Evidence) -> Iterator[str]:
    at = {event["position"]: event["commandId"] for event in evidence.log}
    known = set(at.values())
    for answer in evidence.answers:
        result = answer.result
        if not isinstance(result, Accepted):
            if str(answer.command_id) in known:
                yield f"{answer.name} was refused with {result.code}, and stands in the log"
        elif result.position > evidence.before and at.get(result.position) != str(answer.command_id):
            yield f"{answer.name} was accepted at position {result.position}, where the log has something else"


def _everybody_was_told(judged: Sequence[Delivery]) -> Iterator[str]:
    for one in judged:
        if not one.complete:
            yield (
                f"{one.name} missed {len(one.missed)} events, got {len(one.doubled)} twice and {len(one.foreign)} "
                f"that are not there{'' if one.in_order else ', and not in order'}; first: "
                f"{(*one.missed, *one.doubled, *one.foreign)[:3]}"
            )


def _board_is_the_log(views: Views, session: Events) -> Iterator[str]:
    board, counted = views.board, Counter(event["name"] for event in session)
    shown = {
        "consultation.case_presented": len(board["cases"]),
        "consultation.issue_raised": len(board["issues"]),
        "consultation.opinion_given": sum(issue["opinions"] for issue in board["issues"]),
        "consultation.issue_concluded": sum(issue["conclusion"] is not None for issue in board["issues"]),
    }
    for name, number in shown.items():
        if number != counted[name]:
            yield f"the board shows {number} of {name}, the log has {counted[name]}"
    attendance = {(one["role"], one["presence"]): one["points"] for one in board["attendance"]}
    if attendance != (folded := _attendance(session)):
        yield f"the board shows the points {attendance}, the log says {folded}"


def _attendance(session: Events) -> dict[tuple[str, str], int]:
    """The points by role and presence, folded from the log alone."""
    role: dict[str, str] = {}
    presence: dict[str, str] = {}
    becomes = {"point_confirmed": "CONFIRMED", "point_joined": "JOINED", "point_left": "LEFT"}
    for event in session:
        kind, data = event["name"].partition(".")[2], event["data"]
        if kind == "point_invited":
            role[data["facility_id"]] = data["role"].upper()
            presence[data["facility_id"]] = "CONFIRMED" if data["role"] == "centre" else "INVITED"
        elif kind in becomes:
            presence[data["facility_id"]] = becomes[kind]
    return dict(Counter((role[facility], how) for facility, how in presence.items()))


def _minutes_are_the_log(views: Views, session: Events) -> Iterator[str]:
    minutes = views.minutes
    if not minutes["genuine"] or minutes["status"] != "SIGNED" or views.board["status"] != "SIGNED":
        yield f"the minutes are {minutes['status']}, genuine: {minutes['genuine']}"
    closed = [event["data"]["content_sha256"] for event in session if event["name"] == "consultation.closed"]
    if closed != [minutes["contentSha256"]]:
        yield "the digest of the minutes is not that with which the consultation was closed"
    signed = [event["data"]["facility_id"] for event in session if event["name"] == "consultation.minutes_signed"]
    shown = [one["facilityId"] for one in minutes["versions"][-1]["signatures"]]
    if signed != shown or len(shown) != 1 + len(STORIES):
        yield f"the minutes show {len(shown)} signatures, the log has {len(signed)}, {1 + len(STORIES)} are needed"


def _patients_are_the_log(views: Views, log: Events) -> Iterator[str]:
    last = {event["streamId"]: event["name"] for event in log}
    for id_, row in views.referrals.items():
        if row["status"] != "CLOSED" or last[id_] != "referral.outcome_reported":
            yield f"referral {id_} is shown as {row['status']}, its last event is {last[id_]}"
    for id_, row in views.examinations.items():
        own = [event for event in log if event["streamId"] == id_]
        images = sum(event["name"] == "examination.image_captured" for event in own)
        signed = [event["data"]["content_sha256"] for event in own if event["name"] == "examination.signed"]
        if row["images"] != images or not images or signed != [row["contentSha256"]]:
            yield f"examination {id_} shows {row['images']} images, the log has {images}; signed: {len(signed)}"


def _network_is_connected(views: Views) -> Iterator[str]:
    then, now = views.then, views.now
    if then["connected"] < ALL or then["provincesConnected"] < PROVINCES or now["connected"] < then["connected"]:
        yield (
            f"{then['connected']} points of {then['provincesConnected']} provinces are shown as connected on the day "
            f"and {now['connected']} today, {ALL} of {PROVINCES} are needed"
        )
