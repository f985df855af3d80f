"""Everything private of aiortc, aioice and pylibsrtp that is touched, and the check that it is still there.

Rules: no other file names an underscore of these libraries; the versions are pinned in requirements.lock, and a worker
that finds another shape does not start, but says which name is gone. aiortc keeps SDP, ICE, DTLS, keys and SCTP; its
receivers and senders, which decode and encode, are replaced for our own connections only, so that stock connections
in the same process stay what they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.metadata import version
from secrets import randbits
from typing import Any, Protocol

import aioice.ice
import pylibsrtp
from aioice.utils import random_string
from aiortc import RTCBundlePolicy, RTCConfiguration, RTCPeerConnection, RTCRtpTransceiver
from aiortc.rtcdtlstransport import RTCCertificate
from pylibsrtp._binding import ffi, lib

# As Any: what is assigned to in here is what its types do not show.
rtcpeerconnection: Any = import_module("aiortc.rtcpeerconnection")

PINNED = {"aiortc": "1.16.", "aioice": "0.13.", "pylibsrtp": "1.0."}
UFRAG_LENGTH = 12
LAST_SENT = "_RTCRtpSender__rtp_timestamp"

__all__ = ["Connection", "ContractBroken", "Keys", "check_contract", "ffi", "lib", "sent_last"]


class ContractBroken(Exception):
    """A library has not the shape that the forwarding was written for."""


class Owner(Protocol):
    """Who is told when the other side ends DTLS."""

    def lost(self) -> None: ...


class Receiver:
    """Stands where aiortc has its decoding receiver: keeps what was negotiated and touches no packet."""

    def __init__(self, kind: str, transport: Any) -> None:
        self._kind, self._transport = kind, transport
        self._track: Any = None
        self._enabled = True
        self.owner: Connection | None = None

    @property
    def track(self) -> Any:
        return self._track

    @property
    def transport(self) -> Any:
        return self._transport

    def setTransport(self, transport: Any) -> None:  # noqa: N802
        self._transport = transport

    def _set_rtcp_ssrc(self, ssrc: int) -> None:
        """Our reports carry an SSRC of the connection."""

    async def receive(self, parameters: Any) -> None:
        """What comes is known from the offer, before aiortc is ready for it."""

    async def stop(self) -> None:
        """Nothing runs."""

    def _handle_disconnect(self) -> None:
        if self.owner is not None and self.owner.peer is not None:
            self.owner.peer.lost()


class Sender:
    """Stands where aiortc has its encoding sender."""

    def __init__(self, track_or_kind: Any, transport: Any) -> None:
        self.kind: str = track_or_kind if isinstance(track_or_kind, str) else track_or_kind.kind
        self.track: Any = None
        self.transport = transport
        self._ssrc = randbits(32)
        self._rtx_ssrc = randbits(32)
        self._stream_id = self._track_id = random_string(16)
        self._enabled = True

    def replaceTrack(self, track: Any) -> None:  # noqa: N802
        self.track = track

    def setTransport(self, transport: Any) -> None:  # noqa: N802
        self.transport = transport

    async def send(self, parameters: Any) -> None:
        """What goes is sent by the way out of the worker, once the connection stands."""

    async def stop(self) -> None:
        """Nothing runs."""

    @property
    def ssrcs(self) -> tuple[int, int]:
        """The SSRC of the stream and that of its retransmissions, as they stand in our description."""
        return self._ssrc, self._rtx_ssrc

    def name(self, stream: str, track: str) -> None:
        """The msid by which a browser tells whose picture it gets."""
        self._stream_id, self._track_id = stream, track


class Keys:
    """The SRTP sessions of a connection, for use in place; `tag` is how much a protected packet grows."""

    def __init__(self, dtls: Any) -> None:
        # The sessions free their memory when they are collected, so they are held as long as the bare handles.
        self._held = (dtls._rx_srtp, dtls._tx_srtp)
        self.rx = dtls._rx_srtp._srtp[0]
        self.tx = dtls._tx_srtp._srtp[0]
        self.profile: str = dtls._ssl.get_selected_srtp_profile().decode()
        self.tag = 16 if "GCM" in self.profile else 10


class Connection(RTCPeerConnection):
    """An RTCPeerConnection on one bundled transport, whose media goes past aiortc."""

    def __init__(self, certificate: RTCCertificate) -> None:
        super().__init__(RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE))
        # One certificate for all: making one costs a millisecond of the loop for each viewer.
        self._RTCPeerConnection__certificates = [certificate]
        self.peer: Owner | None = None

    def _RTCPeerConnection__createTransceiver(self, *args: Any, **named: Any) -> RTCRtpTransceiver:  # noqa: N802
        with _replaced():
            made: Any = self._make(*args, **named)
        made.receiver.owner = self
        transceiver: RTCRtpTransceiver = made
        return transceiver

    _make: Any = getattr(RTCPeerConnection, "_RTCPeerConnection__createTransceiver", None)

    @property
    def dtls(self) -> Any:
        """The one DTLS transport of the bundle; None before anything was negotiated."""
        for transceiver in self.getTransceivers():
            return transceiver.receiver.transport
        return self.sctp.transport if self.sctp is not None else None

    @property
    def ice(self) -> Any:
        return self.dtls.transport._connection

    def be_dtls_server(self) -> None:
        """As the server we choose AES-256-GCM; as the client aiortc lets a browser choose AES-128 with SHA-1."""
        self.dtls._set_role("server")

    def use(self, protocol: aioice.ice.StunProtocol) -> str:
        """Gather this one candidate and nothing else; answers the user name of our side."""
        ice = self.ice
        ice._local_username = random_string(UFRAG_LENGTH)

        async def candidates(component: int, addresses: list[str], timeout: int = 5) -> list[aioice.Candidate]:
            ice._protocols.append(protocol)
            return [protocol.local_candidate]

        ice.get_component_candidates = candidates
        name: str = ice._local_username
        return name

    def keys(self) -> Keys | None:
        """The keys, once the handshake is through."""
        dtls = self.dtls
        return Keys(dtls) if dtls is not None and dtls._tx_srtp is not None else None

    @property
    def sealed_by(self) -> tuple[str, str]:
        """The version of DTLS and the cipher of its handshake, once that is through."""
        ssl = self.dtls._ssl
        return ssl.get_protocol_version_name(), ssl.get_cipher_name()

    @property
    def remote_address(self) -> tuple[str, int] | None:
        """Where the peer is now; it moves when ICE nominates another pair."""
        pair = self.ice._nominated.get(1)
        return pair.remote_addr if pair is not None else None

    async def close(self) -> None:
        """An offer taken by half leaves transceivers without a transport, at which the library would stop half way."""
        transceivers: list[Any] = getattr(self, "_RTCPeerConnection__transceivers")  # noqa: B009
        transceivers[:] = [one for one in transceivers if one.receiver.transport is not None]
        await super().close()

    @property
    def waiting_datagrams(self) -> int:
        """Datagrams that DTLS has not looked at yet; the library's queue has no bound of its own."""
        waiting: int = self.ice._queue.qsize()
        return waiting


def sent_last(stock: Any) -> int:
    """The RTP timestamp of the last frame that a stock sender sent."""
    timestamp: int = getattr(stock, LAST_SENT)
    return timestamp


@contextmanager
def _replaced() -> Iterator[None]:
    stock = rtcpeerconnection.RTCRtpReceiver, rtcpeerconnection.RTCRtpSender
    rtcpeerconnection.RTCRtpReceiver, rtcpeerconnection.RTCRtpSender = Receiver, Sender
    try:
        yield
    finally:
        rtcpeerconnection.RTCRtpReceiver, rtcpeerconnection.RTCRtpSender = stock


def check_contract(installed: Callable[[str], str] = version) -> None:
    """Raises ContractBroken, which names everything that is not as it was. Needs a running loop."""
    faults = [f"{name} {found} (written for {wanted}x)" for name, wanted, found in _versions(installed)]
    faults += list(_missing())
    if faults:
        raise ContractBroken("media forwarding does not fit its libraries: " + "; ".join(faults))


def _versions(installed: Callable[[str], str]) -> Iterator[tuple[str, str, str]]:
    for name, wanted in PINNED.items():
        found = installed(name)
        if not found.startswith(wanted):
            yield name, wanted, found


def _missing() -> Iterator[str]:
    probe = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    transceiver = probe.addTransceiver("video", direction="sendonly")
    dtls = transceiver.receiver.transport
    session = pylibsrtp.Session(pylibsrtp.Policy(key=bytes(30), ssrc_type=pylibsrtp.Policy.SSRC_ANY_OUTBOUND))
    wanted: list[tuple[str, Any, tuple[str, ...]]] = [
        ("aiortc.rtcpeerconnection", rtcpeerconnection, ("RTCRtpReceiver", "RTCRtpSender")),
        (
            "RTCPeerConnection",
            probe,
            (
                "_RTCPeerConnection__createTransceiver",
                "_RTCPeerConnection__transceivers",
                "_RTCPeerConnection__certificates",
            ),
        ),
        ("RTCRtpReceiver", transceiver.receiver, ("_track", "_enabled", "_set_rtcp_ssrc", "_handle_disconnect")),
        ("RTCRtpSender", transceiver.sender, ("_ssrc", "_rtx_ssrc", "_stream_id", "_track_id", "_enabled", LAST_SENT)),
        ("RTCDtlsTransport", dtls, ("_rx_srtp", "_tx_srtp", "_ssl", "_set_role", "_role")),
        ("RTCIceTransport", dtls.transport, ("_connection",)),
        (
            "aioice.Connection",
            dtls.transport._connection,
            (
                "_local_username",
                "_local_password",
                "_protocols",
                "_nominated",
                "_queue",
                "get_component_candidates",
                "request_received",
                "data_received",
                "build_request",
            ),
        ),
        ("pylibsrtp.Session", session, ("_srtp",)),
        ("pylibsrtp lib", lib, ("srtp_protect", "srtp_unprotect", "srtp_protect_rtcp", "srtp_unprotect_rtcp")),
    ]
    for owner, thing, names in wanted:
        yield from (f"{owner}.{name} is gone" for name in names if not hasattr(thing, name))
