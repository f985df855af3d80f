"""SRTP of one connection, in place: no packet is copied to be encrypted or decrypted.

Rules: replayed, forged and foreign packets fail in libsrtp and are counted, never answered; what is longer than the
memory is refused before the library sees it.
"""

from __future__ import annotations

from typing import Any

from media._aiortc import Keys, ffi, lib

LONGEST_CONTROL = 1_400
TRAILER = 4 + 16 + 128


class Srtp:
    """Both directions of one connection. `tag` is how many bytes a protected packet grows.

    `tx` is what packets that we send are encrypted with, and `session` its address.
    """

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self.tag, self.profile = keys.tag, keys.profile
        self.tx: Any = keys.tx
        self.session = int(ffi.cast("uintptr_t", keys.tx))
        self._rx: Any = keys.rx
        self._length = ffi.new("int *")
        self._control = ffi.new("char[]", LONGEST_CONTROL + TRAILER)
        self._control_view = ffi.buffer(self._control)
        self.failures = 0

    def decrypt(self, memory: Any, length: int) -> int:
        """Decrypts what lies in `memory`; answers the new length, or 0 when it is not of this connection."""
        self._length[0] = length
        if lib.srtp_unprotect(self._rx, memory, self._length) != 0:
            self.failures += 1
            return 0
        return int(self._length[0])

    def decrypt_control(self, memory: Any, length: int) -> int:
        self._length[0] = length
        if lib.srtp_unprotect_rtcp(self._rx, memory, self._length) != 0:
            self.failures += 1
            return 0
        return int(self._length[0])

    def encrypt_control(self, packet: bytes) -> bytes:
        """One compound RTCP packet, ready to be sent; empty when it is too long."""
        if len(packet) > LONGEST_CONTROL:
            return b""
        self._control_view[0 : len(packet)] = packet
        self._length[0] = len(packet)
        if lib.srtp_protect_rtcp(self.tx, self._control, self._length) != 0:
            return b""
        return bytes(self._control_view[0 : self._length[0]])

    def encrypt(self, packet: bytes) -> bytes:
        """One RTP packet, for those that are sent alone; bursts are encrypted where they lie."""
        if len(packet) > LONGEST_CONTROL:
            return b""
        self._control_view[0 : len(packet)] = packet
        self._length[0] = len(packet)
        if lib.srtp_protect(self.tx, self._control, self._length) != 0:
            return b""
        return bytes(self._control_view[0 : self._length[0]])
