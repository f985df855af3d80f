"""docs/reference/errors.md: every code that a client can meet, and what to do about it.

The refusals are told by their classes. What the edge answers before or around a command has no class; it is told
here, and a test holds this list to the codes that stand in the sources.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator

from docs.generate.catalogue import refusals_by_file
from docs.generate.markdown import code, page, sentence, table
from infra.audit import report_difference, sealing
from projections.audit.reports._kit import Refused
from streams.reading.faults import MEANING, PASSABLE

# Importing them is what makes their refusals known.
REFUSING = (report_difference, sealing)

INTRODUCTION = """\
Three kinds of answers, and each has a stable code:

- **The rules refuse a command**: data, not an error. The mutation answers `CommandRejected { code message field
  details }`; the words in braces below are in the details.
- **Something is wrong with the request**: an entry of `errors` with `extensions.code`. Mend the request.
- **Something is wrong here**: `INTERNAL` with a reference under which the log has the whole story, or `UNAVAILABLE`.
  Send the same command id again: a command that took effect the first time is not done twice."""

REPORTS = "In `failureCode` of a run, in the event `report.failed`, and on the command line; `failure` says more."

EDGE = {
    "TOKEN_MISSING": ("401, or the socket closes with 4401 or 4403", "There is no access token. Sign in."),
    "TOKEN_EXPIRED": ("401, or the socket closes with 4403", "Get a new token; resume with `after`."),
    "TOKEN_INVALID": ("401, or the socket closes with 4403", "The token is not one of the issuer for this audience."),
    "INVALID_INPUT": ("`CommandRejected`", "The input is not of its form; `details` names every field and its fault."),
    "BAD_REQUEST": (
        "400 or `errors`",
        "The document does not fit the schema, or the request is not GraphQL over JSON.",
    ),
    "DEPTH_LIMIT": ("400 or `errors`", "The document is too deep. Ask in two requests."),
    "ALIAS_LIMIT": ("400 or `errors`", "The document has too many aliases. Ask in two requests."),
    "COST_LIMIT": (
        "400 or `errors`",
        "The document may cost too much. Ask for smaller pages, or for less inside lists.",
    ),
    "BODY_TOO_LARGE": ("413", "The body of the request is too large."),
    "BODY_TOO_SLOW": ("408", "The request did not arrive in time."),
    "NOT_ACCEPTABLE": ("406", "A subscription needs `Accept: text/event-stream`, or a WebSocket."),
    "TIMEOUT": ("`errors`", "The operation took too long and was ended."),
    "UNAVAILABLE": (
        "`errors`",
        "The system is busy. Send the same request again after `extensions.retryAfter` seconds.",
    ),
    "INTERNAL": ("`errors`", "A fault of ours. Give the reference in the message to an operator."),
}


READERS = """\
Whoever reads the log from Kafka with `telehealth tail` or [the library](../analysts.md) stops with one of these, and
with the topic, partition, offset and position where it was met. Those in the last column can be passed over."""


def _below(kind: type[Refused]) -> Iterator[type[Refused]]:
    for one in kind.__subclasses__():
        yield one
        yield from _below(one)


# What the media worker answers, as `code` of application/problem+json.
MEDIA = {
    "GRANT_MISSING": ("401", "There is no grant. Ask the API for one."),
    "GRANT_EXPIRED": ("401", "The grant has run out. Ask the API for a new one."),
    "GRANT_INVALID": ("401", "This is no grant of this deployment."),
    "ANOTHER_SESSION": ("403", "The grant is for another session."),
    "SOURCE_NOT_GRANTED": ("403", "The grant does not allow to publish that source; an observer publishes nothing."),
    "REMOVED_FROM_THE_ROOM": (
        "403, socket 4401",
        "The chair sent you out of the room; no ticket brings you back before the chair lets you.",
    ),
    "MESSAGE_UNKNOWN": ("channel", "There is no message of this `type`."),
    "MESSAGE_TOO_LARGE": ("channel", "A message of the data channel has at most 16 KiB."),
    "TOO_FAST": (
        "channel, or socket 4429",
        "On a channel this message was not taken: go on after `retryAfterMs`. On a room's socket that ends it.",
    ),
    "NO_SUCH_TRACK": ("channel", "No track of this id is being published, or none that you are shown."),
    "OBSERVERS_ARE_SILENT": ("channel", "Observers look on and read."),
    "INVALID_INPUT": ("channel", "A text needs words, and has no control characters."),
    "NOT_RECORDED_HERE": ("channel", "This worker has no log, so nothing can be written in its rooms."),
    "NO_SUCH_PLACE": ("404", "There is nothing at this address."),
    "NO_SUCH_CONNECTION": ("404", "There is no such connection of this participant, or no longer."),
    "NOTHING_IS_LIVE": ("409", "Nobody publishes this source now. Ask again after `Retry-After` seconds."),
    "ROOM_IS_ELSEWHERE": (
        "409 to pages, 307 to others",
        "The room, or its origin, is at another worker, at `location`. Ask the API for a new ticket, or go there.",
    ),
    "NOTHING_WAS_OFFERED": ("409", "An answer came for which there is no offer."),
    "ICE_SESSION_ENDED": ("412", "`If-Match` names another ICE session than that of this connection."),
    "ETAG_MISSING": ("428", "Say with `If-Match` which ICE session a fragment belongs to."),
    "NO_ICE_RESTART": ("422", "Send a new offer: it takes this connection's place without a gap."),
    "WRONG_MEDIA_TYPE": ("415", "An offer is `application/sdp`, a fragment `application/trickle-ice-sdpfrag`."),
    "BODY_TOO_SLOW": ("408", "The request did not arrive in time."),
    "SDP_TOO_LARGE": ("413", "The description is too long, or has too many sections."),
    "SDP_MALFORMED": ("400", "This is no session description that can be read."),
    "SDP_NOT_BUNDLED": ("422", "All sections have to share one transport (BUNDLE)."),
    "SDP_NOT_MUXED": ("422", "RTP and RTCP have to share one port (rtcp-mux)."),
    "SDP_UNACCEPTABLE": ("422", "The description can be read, and cannot be answered, or does not fit the offer."),
    "ONE_SOURCE_A_CONNECTION": ("422", "Send one picture, one sound, or one of each."),
    "NOTHING_IS_SENT": ("422", "An offer to publish has to send."),
    "NOTHING_IS_RECEIVED": ("422", "An offer to watch has to receive."),
    "CODEC_NOT_OFFERED": ("422", "The offer has no codec that is forwarded, or not that of the publisher."),
    "TOO_MANY_JOIN": ("503, socket 4429", "Many join at once. Come again after `Retry-After` seconds."),
    "HELLO_EXPECTED": ("socket 4400", "The first message on a room's socket says hello, with the grant."),
    "HELLO_ONCE": ("socket 4400", "Hello was said already."),
    "MESSAGE_MALFORMED": (
        "socket 4400, or channel",
        "The message is none of those that a room's socket or data channel understands.",
    ),
    "ANSWER_MISSING": ("socket 4400", "An offer on a room's socket was not answered within fifteen seconds."),
    "CONNECTION_ENDED": ("socket 4410", "The connection for the media has ended. Ask the API for a new ticket."),
    "WORKER_FULL": ("503, socket 4429", "This worker carries all that it can. Come again after `Retry-After` seconds."),
    "STILL_NOT_GRANTED": ("403", "Observers take no stills, and only who sends the picture hands in what it held."),
    "STILL_WITHOUT_DIGEST": ("400", "Send the picture's SHA-256 as `Content-Digest`."),
    "STILL_WITHOUT_TIME": ("400", "Say which frame it was, by its time."),
    "STILL_DAMAGED": ("400", "The picture is not the one that `Content-Digest` names, or broke off. Send it again."),
    "STILL_MALFORMED": ("400", "What was sent is no whole PNG."),
    "STILL_TOO_SMALL": ("400", "A still has the full size of its source."),
    "STILL_TOO_LARGE": ("413", "The picture has too many bytes."),
    "NO_STILL": ("409", "No key frame came, or none that could be read. Ask again."),
    "NO_SUCH_RECORDING": ("404", "There is no such recording or file, or the recording is not complete yet."),
    "TICKET_FOR_ANOTHER": ("403", "The ticket is for another recording."),
    "ACCESS_NOT_TOLD": ("409", "The log does not take this access. Ask for a new ticket."),
    "RANGE_OUTSIDE": ("416", "The range begins behind the end of the file."),
    "RECORDING_DAMAGED": ("410", "The stored bytes are not those that were sealed: tell an operator."),
    "NOT_EXPORTED": ("403", "Say in the log that you take it out: mutation `exportRecording`."),
    "NOT_FOR_DICOM": ("409", "DICOM has no form for this recording."),
    "UNAVAILABLE": ("503", "The log cannot be read or told now. Come again after `Retry-After` seconds."),
}


def write() -> str:
    parts = [INTRODUCTION, "## At the edge"]
    parts.append(table(("code", "where", "what it means"), [(code(name), *row) for name, row in EDGE.items()]))
    parts += ["## Readers of the log", READERS]
    faults = [(code(one), meaning, "passable" if one in PASSABLE else "") for one, meaning in MEANING.items()]
    parts.append(table(("code", "what it means", ""), faults))
    parts += ["## Why a report was not sealed, or not compared", REPORTS]
    failures = sorted({(one.code, inspect.getdoc(one) or "") for one in _below(Refused)})
    parts.append(table(("code", "what it means"), [(code(name), text) for name, text in failures]))
    parts.append("## At the media worker")
    parts.append(table(("code", "status", "what it means"), [(code(name), *row) for name, row in MEDIA.items()]))
    parts.append("## Refusals")
    for module, refusals in refusals_by_file().items():
        about = (sys.modules[module].__doc__ or "").partition("\n")[0]
        rows = [
            (code(refusal.code), sentence(refusal), code(refusal.field) if refusal.field else "")
            for refusal in refusals
        ]
        parts += [f"### {module}", about, table(("code", "sentence", "field"), rows)]
    return page("Errors", *parts)
