"""A viewer's end without a browser: a real socket, and the keys to read what comes."""

from __future__ import annotations

import socket
from types import SimpleNamespace
from typing import Any

import pylibsrtp

from media import rtp
from media.downtrack import Downtrack
from media.srtp import Srtp
from media.udp import Port

KEY = bytes(range(44))
PROFILE = pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_256_GCM
TAG = 16


def session(kind: int) -> Any:
    return pylibsrtp.Session(pylibsrtp.Policy(key=KEY, ssrc_type=kind, srtp_profile=PROFILE))


def sealing() -> Srtp:
    """The worker's side of a connection, as new."""
    held = session(pylibsrtp.Policy.SSRC_ANY_OUTBOUND)
    keys: Any = SimpleNamespace(tx=held._srtp[0], rx=None, tag=TAG, profile="", held=held)
    return Srtp(keys)


def receiver() -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_000_000)
    made.bind(("127.0.0.1", 0))
    made.settimeout(60)
    return made


class FarEnd:
    """One who gets one track. `down` is the worker's side of it."""

    def __init__(self, port: Port, send_time_id: int = 0, ssrc: int = 7) -> None:
        self.socket = receiver()
        self.down = Downtrack(port, sealing(), (ssrc, 8), (96, 97), send_time_id)
        self.down.address = self.socket.getsockname()
        self._read = session(pylibsrtp.Policy.SSRC_ANY_INBOUND)

    def receive(self, count: int) -> list[tuple[rtp.Raw, bytes]]:
        found = []
        for _ in range(count):
            plain = self._read.unprotect(self.socket.recv(2_048))
            raw = rtp.read(plain)
            assert raw is not None
            found.append((raw, plain[raw.start : raw.end]))
        return found
