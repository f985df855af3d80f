"""Ids of commands that nobody sent: they follow from their cause, so that the same cause never acts twice.

They are of UUID version 8 (RFC 9562, for an application's own use), which clients may not choose: else somebody who
guesses one could use it first, and the system's own reaction would be taken for a repetition.
"""

from __future__ import annotations

from uuid import UUID, uuid5

VERSION_BITS = 0xF << 76
VERSION_8 = 0x8 << 76


def derived_id(cause: UUID, step: str) -> UUID:
    """The id of the command that follows from this cause in this step."""
    return UUID(int=uuid5(cause, step).int & ~VERSION_BITS | VERSION_8)


def is_derived(command_id: UUID) -> bool:
    return command_id.version == 8
