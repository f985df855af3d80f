"""Why something is not in a recording, in the words of the log."""

from __future__ import annotations

from enum import StrEnum


class Why(StrEnum):
    PACKETS_LOST = "packets_lost"
    """They never came, or came too late; of a picture also what could not be decoded after them."""
    LINE_SILENT = "line_silent"
    """Nothing was sent, or nothing came."""
    RECORDER_LOST = "recorder_lost"
    """The recorder was not there."""
    RECORDER_OVERRUN = "recorder_overrun"
    """The recorder was too slow, and the worker did not wait for it."""
    WORKER_LOST = "worker_lost"
    """The media worker that carried the room was lost; the room went on at another one."""
    PICTURE_UNSTEADY = "picture_unsteady"
    """The picture changed its size, or what a decoder is set up with, again and again."""
