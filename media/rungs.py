"""What each rung of the degradation ladder lets through, and what it asks of whoever sends.

Rules: a rung always changes what is sent; sound goes last but for words and stills; where somebody examines, the
ultrasound is thinned and cut one rung later than all other pictures, because it is what the line is there for. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass

from domain._live import Destination, Rung
from infra.media_tokens import Grant, MediaRole, Source
from media.tracks import Kind

SMALL_PICTURE_KBIT = 250
SMALL_ULTRASOUND_KBIT = 700
"""Above the 0.6 Mbit/s that an abdominal ultrasound needs at the least (Yoo 2004)."""
SOUND_KBIT = 64
MOST_KBIT = 20_000
"""What takes an earlier limit back."""
NO_LIMIT: int | None = None
POOREST, NOTHING = 0, -1


@dataclass(frozen=True, slots=True)
class Asked:
    """What a publisher is asked to send of a picture: at most so many kbit/s; None as it likes, 0 nothing at all."""

    kbit: int | None


def examines(grant: Grant) -> bool:
    """Clinicians who take part examine; observers and the patient's side look on."""
    return grant.role is MediaRole.PUBLISHER and grant.audience is Destination.CLINICIAN


def ceiling(rung: Rung, source: Source, kind: Kind, *, examining: bool) -> int | None:
    """The best layer that goes to a participant on this rung: None is all, POOREST the least, NOTHING none."""
    if kind is Kind.AUDIO:
        return NOTHING if rung is Rung.CHAT_AND_STILLS else NO_LIMIT
    if rung is Rung.TWO_WAY_HD:
        return NO_LIMIT
    if source is Source.ULTRASOUND and examining:
        return {Rung.LOW: NO_LIMIT, Rung.AUDIO: POOREST}.get(rung, NOTHING)
    return POOREST if rung is Rung.LOW else NOTHING


def asked(rung: Rung, source: Source) -> Asked:
    """What a participant on this rung is asked to send of a picture. Its sound is always welcome: it is what its line
    is measured by, and what others hear of it."""
    if rung is Rung.TWO_WAY_HD:
        return Asked(None)
    if source is Source.ULTRASOUND:
        return Asked({Rung.LOW: None, Rung.AUDIO: SMALL_ULTRASOUND_KBIT}.get(rung, 0))
    return Asked(SMALL_PICTURE_KBIT if rung is Rung.LOW else 0)
