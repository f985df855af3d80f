"""What is said in SDP: which codecs we take, and the lines that aiortc does not write.

Rules: an offer is checked before anything is made for it, and refused with a code; one codec is agreed on per line, the
first of the publisher's that we forward, so that every viewer of a track gets the same; candidates of the other side
are left out, because its checks come to us and nobody is sent a packet on the word of a text; what aiortc cannot say
(RIDs, NACK for sound, no transport-wide feedback from viewers) is added to or taken from the text of the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from aiortc import codecs, sdp
from aiortc.rtcpeerconnection import find_common_codecs
from aiortc.rtcrtpparameters import (
    RTCRtcpFeedback,
    RTCRtpCodecCapability,
    RTCRtpCodecParameters,
    RTCRtpHeaderExtensionParameters,
)

from media import rtp

LONGEST_OFFER = 64 * 1024
MOST_LINES = 1_500
MOST_SECTIONS = 4
MOST_LAYERS = 3
FORWARDED = ("VP8", "H264", "VP9", "opus")
EXTENSIONS = {
    "audio": ((1, rtp.MID), (2, rtp.AUDIO_LEVEL), (3, rtp.SEND_TIME), (4, rtp.TRANSPORT_CC)),
    "video": ((1, rtp.MID), (3, rtp.SEND_TIME), (4, rtp.TRANSPORT_CC), (5, rtp.RID), (6, rtp.REPAIRED_RID)),
}


class OfferRefused(Exception):
    """The description cannot be answered; `code` is stable and meant for clients."""

    def __init__(self, code: str, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.code, self.text, self.status = code, text, status


@dataclass(frozen=True, slots=True)
class Line:
    """One section of an offer, as far as it matters here."""

    mid: str
    kind: str
    direction: str
    codecs: Sequence[RTCRtpCodecParameters]
    rids: Sequence[str]
    extensions: Mapping[str, int]
    """Ids by URI."""
    ssrcs: Sequence[int]


def extend_tables() -> None:
    """Teach aiortc the codecs, extensions and feedback that we forward; doing it twice changes nothing."""
    video = codecs.CODECS["video"]
    if not any(codec.name == "VP9" for codec in video):
        # RTX takes part in a table by its `apt`, and 103 and 104 follow what aiortc gave out.
        video.append(
            RTCRtpCodecParameters(
                "video/VP9", 90000, payloadType=103, rtcpFeedback=_feedback(), parameters={"profile-id": "0"}
            )
        )
        video.append(RTCRtpCodecParameters("video/rtx", 90000, payloadType=104, parameters={"apt": 103}))
    for codec in [*video, *codecs.CODECS["audio"]]:
        wanted = RTCRtcpFeedback("transport-cc")
        if codec.name in FORWARDED and wanted not in codec.rtcpFeedback:
            codec.rtcpFeedback.append(wanted)
    for kind, extensions in EXTENSIONS.items():
        known = codecs.HEADER_EXTENSIONS[kind]
        uris = {extension.uri for extension in known}
        known.extend(RTCRtpHeaderExtensionParameters(n, uri) for n, uri in extensions if uri not in uris)


def _feedback() -> list[RTCRtcpFeedback]:
    return [RTCRtcpFeedback("nack"), RTCRtcpFeedback("nack", "pli"), RTCRtcpFeedback("goog-remb")]


def read_offer(text: str) -> list[Line]:
    """The sections of an offer; raises OfferRefused."""
    if len(text) > LONGEST_OFFER or text.count("\n") > MOST_LINES:
        raise OfferRefused("SDP_TOO_LARGE", f"an offer has at most {LONGEST_OFFER} bytes", 413)
    try:
        description = sdp.SessionDescription.parse(text)
        lines = [_line(media, text_of) for media, text_of in zip(description.media, _sections(text), strict=True)]
        bundled = next((group.items for group in description.group if group.semantic == "BUNDLE"), [])
    except Exception as fault:
        # A stranger's text breaks the parser in more ways than it names.
        raise OfferRefused("SDP_MALFORMED", "this is no session description that can be read") from fault
    if not lines:
        raise OfferRefused("SDP_MALFORMED", "the offer has no section")
    if len(lines) > MOST_SECTIONS:
        raise OfferRefused("SDP_TOO_LARGE", f"an offer has at most {MOST_SECTIONS} sections", 413)
    if len({line.mid for line in lines}) != len(lines) or (len(lines) > 1 and set(bundled) < {x.mid for x in lines}):
        raise OfferRefused("SDP_NOT_BUNDLED", "all sections share one transport (BUNDLE, RFC 9143)", 422)
    for media in description.media:
        ice, dtls = media.ice, media.dtls
        if ice is None or not ice.usernameFragment or not ice.password or dtls is None or not dtls.fingerprints:
            raise OfferRefused("SDP_MALFORMED", "the offer has no ICE user or no DTLS fingerprint")
        if media.kind in ("audio", "video") and not media.rtcp_mux:
            raise OfferRefused("SDP_NOT_MUXED", "RTP and RTCP share one port (rtcp-mux, RFC 5761)", 422)
    return lines


def _line(media: sdp.MediaDescription, text: Sequence[str]) -> Line:
    if media.kind not in ("audio", "video", "application"):
        raise ValueError(media.kind)
    rids = [line.split(":", 1)[1].split()[0] for line in text if line.startswith("a=rid:") and " send" in line]
    return Line(
        mid=media.rtp.muxId,
        kind=media.kind,
        direction=media.direction or "sendrecv",
        codecs=tuple(media.rtp.codecs),
        rids=tuple(rids[:MOST_LAYERS]),
        extensions={extension.uri: extension.id for extension in media.rtp.headerExtensions},
        ssrcs=tuple(one.ssrc for one in media.ssrc),
    )


def _sections(text: str) -> list[list[str]]:
    """The lines of each section, without those of the session."""
    sections: list[list[str]] = []
    for line in text.splitlines():
        if line.startswith("m="):
            sections.append([])
        if sections:
            sections[-1].append(line)
    return sections


def type_of(codec: RTCRtpCodecParameters) -> int:
    """Its payload type; a codec of an offer always has one."""
    return codec.payloadType or 0


def repairs(line: Line, codec: RTCRtpCodecParameters) -> int:
    """The payload type of a codec's retransmissions (RFC 4588) in an offer, or 0."""
    found = (
        type_of(one)
        for one in line.codecs
        if one.name.lower() == "rtx" and one.parameters.get("apt") == codec.payloadType
    )
    return next(found, 0)


def choose_codec(line: Line, wanted: str | None = None) -> tuple[RTCRtpCodecParameters, RTCRtpCodecParameters]:
    """The first codec of the offer that we forward, or the wanted one: as we know it, and as it was offered."""
    for offered in line.codecs:
        if offered.name not in FORWARDED or wanted not in (None, offered.name):
            continue
        if offered.name == "VP9" and str(offered.parameters.get("profile-id", "0")) != "0":
            continue
        common = find_common_codecs(codecs.CODECS[line.kind], [offered])
        if common:
            return common[0], offered
    names = wanted or ", ".join(name for name in FORWARDED if (name == "opus") == (line.kind == "audio"))
    raise OfferRefused("CODEC_NOT_OFFERED", f"the {line.kind} section offers none of: {names}", 422)


def preferences(codec: RTCRtpCodecParameters, kind: str) -> list[RTCRtpCodecCapability]:
    """What makes aiortc answer with this codec and its retransmissions alone."""
    own = next(
        one
        for one in codecs.CODECS[kind]
        if one.mimeType.lower() == codec.mimeType.lower() and one.parameters == codec.parameters
    )
    chosen = [RTCRtpCodecCapability(own.mimeType, own.clockRate, own.channels, own.parameters)]
    if kind == "video":
        chosen.append(RTCRtpCodecCapability("video/rtx", own.clockRate))
    return chosen


def without_candidates(text: str) -> str:
    """The offer without what would make us send first, and without an end that would make us give up."""
    kept = [line for line in text.splitlines() if not line.startswith(("a=candidate:", "a=end-of-candidates"))]
    return "\r\n".join(kept) + "\r\n"


def known_codec(name: str, kind: str) -> tuple[RTCRtpCodecParameters, int]:
    """A codec of our own table, for an offer of ours, and the payload type of its retransmissions, or 0."""
    table = codecs.CODECS[kind]
    found = next(one for one in table if one.name == name)
    again = (type_of(one) for one in table if one.parameters.get("apt") == found.payloadType)
    return found, next(again, 0)


def read_answer(text: str, lines: int) -> None:
    """Checks an answer to an offer of that many lines; raises OfferRefused."""
    if len(text) > LONGEST_OFFER or text.count("\n") > MOST_LINES * 4:
        raise OfferRefused("SDP_TOO_LARGE", f"an answer has at most {LONGEST_OFFER} bytes", 413)
    try:
        media = sdp.SessionDescription.parse(text).media
    except Exception as fault:
        raise OfferRefused("SDP_MALFORMED", "this is no session description that can be read") from fault
    if len(media) != lines:
        raise OfferRefused("SDP_UNACCEPTABLE", "the answer does not fit the offer", 422)


def answer_to_publisher(answer: str, offer: Sequence[Line]) -> str:
    """Adds the layers that we take, and NACK for sound."""
    rids = [line.rids for line in offer]
    return _edited(answer, lambda number, lines: _with_layers(_nack_for_sound(lines), rids[number]))


def answer_to_viewer(answer: str, offer: Sequence[Line]) -> str:
    """Takes out transport-wide feedback: a viewer then estimates its bandwidth itself and tells it by REMB."""
    return offer_to_viewer(answer)


def offer_to_viewer(offer: str) -> str:
    """The same for an offer of ours."""
    return _edited(offer, lambda _, lines: _nack_for_sound(_without_transport_feedback(lines)))


def _edited(text: str, edit: Callable[[int, list[str]], list[str]]) -> str:
    head, *sections = text.split("\r\nm=")
    out = [head]
    for number, section in enumerate(sections):
        out.append("\r\n".join(edit(number, section.rstrip("\r\n").split("\r\n"))))
    return "\r\nm=".join(out) + "\r\n"


def _with_layers(lines: list[str], rids: Sequence[str]) -> list[str]:
    if not rids:
        return lines
    return [*lines, *(f"a=rid:{rid} recv" for rid in rids), f"a=simulcast:recv {';'.join(rids)}"]


def _without_transport_feedback(lines: list[str]) -> list[str]:
    return [one for one in lines if not one.endswith(" transport-cc") and rtp.TRANSPORT_CC not in one]


def _nack_for_sound(lines: list[str]) -> list[str]:
    out = []
    for one in lines:
        out.append(one)
        if one.startswith("a=rtpmap:") and " opus/" in one:
            out.append(f"a=rtcp-fb:{one.removeprefix('a=rtpmap:').split()[0]} nack")
    return out
