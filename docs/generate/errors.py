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


def _below(kind: type[Refused]) -> Iterator[type[Refused]]:
    for one in kind.__subclasses__():
        yield one
        yield from _below(one)


def write() -> str:
    parts = [INTRODUCTION, "## At the edge"]
    parts.append(table(("code", "where", "what it means"), [(code(name), *row) for name, row in EDGE.items()]))
    parts += ["## Why a report was not sealed, or not compared", REPORTS]
    failures = sorted({(one.code, inspect.getdoc(one) or "") for one in _below(Refused)})
    parts.append(table(("code", "what it means"), [(code(name), text) for name, text in failures]))
    parts.append("## Refusals")
    for module, refusals in refusals_by_file().items():
        about = (sys.modules[module].__doc__ or "").partition("\n")[0]
        rows = [
            (code(refusal.code), sentence(refusal), code(refusal.field) if refusal.field else "")
            for refusal in refusals
        ]
        parts += [f"### {module}", about, table(("code", "sentence", "field"), rows)]
    return page("Errors", *parts)
