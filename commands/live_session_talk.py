"""What is written in the room, and the chair's hand: to silence somebody, to send somebody out, and to relent.

Rules: whoever may speak may write, also while its line is down, because writing is the last rung of the ladder;
observers read. The chair of the consultation orders, or the one who answers for it; in an examination of its own either
end does. Orders are facts when they are given: the worker carries them out, and tells what came of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated
from uuid import UUID

from pydantic import Field

from commands._command import Command, Context
from commands._live import IN_CHARGE, participant_of, require_charge
from commands.consultation import STAFF, invited, require_voice
from domain._consultation_refusals import ObserversAreSilent
from domain._kernel import Role
from domain._live import Part
from domain._live_session import LiveSession
from domain._live_session_refusals import (
    AlreadyMuted,
    MessageAlreadyPosted,
    NotMuted,
    NotRemoved,
    NotYourParticipant,
    RemovedFromTheRoom,
    TooManyMessages,
)
from domain._personal import ClinicalText, Reason
from domain.consultation import Consultation
from domain.live_session import (
    MessagePosted,
    ParticipantMuted,
    ParticipantReadmitted,
    ParticipantRemoved,
    ParticipantUnmuted,
)

LONGEST_MESSAGE, MOST_MESSAGES = 2_000, 2_000
WHO_WRITES = {*STAFF, Role.PATIENT, Role.SYSTEM}


class PostMessage(Command, of=LiveSession, by=WHO_WRITES):
    """Write to everybody in the room; workers tell what came over the line of somebody."""

    live_session_id: UUID
    message_id: UUID
    participant_id: UUID
    text: Annotated[ClinicalText, Field(max_length=LONGEST_MESSAGE)]

    def decide(
        self, live_session: LiveSession, context: Context, consultation: Consultation | None
    ) -> Iterator[MessagePosted]:
        participant = participant_of(live_session, self.participant_id)
        itself = participant.person_id in (context.actor.id, context.actor.patient_id)
        if Role.SYSTEM not in context.actor.roles and not itself:
            raise NotYourParticipant()
        if participant.person_id in live_session.removed:
            raise RemovedFromTheRoom()
        if participant.part is Part.OBSERVER:
            raise ObserversAreSilent()
        if consultation is not None and participant.facility_id is not None:
            require_voice(invited(consultation, participant.facility_id))
        if self.message_id in live_session.messages:
            raise MessageAlreadyPosted()
        if len(live_session.messages) >= MOST_MESSAGES:
            raise TooManyMessages(most=MOST_MESSAGES)
        yield MessagePosted(message_id=self.message_id, participant_id=self.participant_id, text=self.text)


class MuteParticipant(Command, of=LiveSession, by=IN_CHARGE):
    """Silence a participant, as the chair or responsible practitioner, or at either end of an examination."""

    live_session_id: UUID
    participant_id: UUID

    def decide(
        self, live_session: LiveSession, context: Context, consultation: Consultation | None
    ) -> Iterator[ParticipantMuted]:
        require_charge(live_session, consultation, context)
        if participant_of(live_session, self.participant_id).muted:
            raise AlreadyMuted()
        yield ParticipantMuted(participant_id=self.participant_id)


class UnmuteParticipant(Command, of=LiveSession, by=IN_CHARGE):
    """Give a participant its voice back, as whoever may silence one."""

    live_session_id: UUID
    participant_id: UUID

    def decide(
        self, live_session: LiveSession, context: Context, consultation: Consultation | None
    ) -> Iterator[ParticipantUnmuted]:
        require_charge(live_session, consultation, context)
        if not participant_of(live_session, self.participant_id).muted:
            raise NotMuted()
        yield ParticipantUnmuted(participant_id=self.participant_id)


class RemoveParticipant(Command, of=LiveSession, by=IN_CHARGE):
    """Send somebody out of the room, as whoever may silence one, and say why; no ticket brings the person back."""

    live_session_id: UUID
    participant_id: UUID
    reason: Reason

    def decide(
        self, live_session: LiveSession, context: Context, consultation: Consultation | None
    ) -> Iterator[ParticipantRemoved]:
        require_charge(live_session, consultation, context)
        person_id = participant_of(live_session, self.participant_id).person_id
        if person_id in live_session.removed:
            raise RemovedFromTheRoom(field="participant_id")
        yield ParticipantRemoved(participant_id=self.participant_id, person_id=person_id, reason=self.reason)


class ReadmitParticipant(Command, of=LiveSession, by=IN_CHARGE):
    """Let somebody who was sent out come back, who then joins anew."""

    live_session_id: UUID
    participant_id: UUID

    def decide(
        self, live_session: LiveSession, context: Context, consultation: Consultation | None
    ) -> Iterator[ParticipantReadmitted]:
        require_charge(live_session, consultation, context)
        person_id = participant_of(live_session, self.participant_id).person_id
        if person_id not in live_session.removed:
            raise NotRemoved(field="participant_id")
        yield ParticipantReadmitted(participant_id=self.participant_id, person_id=person_id)
