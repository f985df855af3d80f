"""Live sessions: WebRTC in and out, rooms of many points, recordings and stills.

Rules: aiortc does SDP, ICE, DTLS, SRTP keys, SCTP and RTCP; media is forwarded and recorded as it came, never decoded
and encoded again. What happened reaches the log through the command bus alone; measurements are metrics, no events.
"""
