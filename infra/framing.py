"""WebSocket frames that are made once and sent to many.

Rules: a server frame is the same for every client, since only clients mask and no extension is agreed on; so what
hundreds are told needs to be framed once. The ASGI message is `{"type": "websocket.send", "frame": bytes}`, and the
scope says by the extension FRAMES that the server takes it. Flow control and the order of frames stay uvicorn's.
"""

from __future__ import annotations

import struct
from typing import Any

from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.protocol import OPEN

FRAMES = "telehealth.frames"
WHOLE_TEXT = 0x81


def framed(text: bytes) -> bytes:
    """A whole text message as one frame (RFC 6455, section 5.2)."""
    if len(text) < 126:
        return struct.pack(">BB", WHOLE_TEXT, len(text)) + text
    if len(text) < 1 << 16:
        return struct.pack(">BBH", WHOLE_TEXT, 126, len(text)) + text
    return struct.pack(">BBQ", WHOLE_TEXT, 127, len(text)) + text


class FramingSocket(WebSocketsSansIOProtocol):
    """uvicorn's WebSocket, which also takes frames that are ready."""

    async def run_asgi(self) -> None:
        # A compressed frame is one client's own.
        if not self.config.ws_per_message_deflate:
            self.scope["extensions"][FRAMES] = {}
        await super().run_asgi()

    async def send(self, message: Any) -> None:
        frame = message.get("frame")
        if frame is None or not self.handshake_complete:
            await super().send(message)
            return
        if not self.writable.is_set():
            await self.writable.wait()
        if self.disconnected or self.close_sent or self.conn.state is not OPEN:
            raise ClientDisconnected
        self.transport.write(frame)


# How an app that sends frames is served.
FRAMING: dict[str, Any] = {"ws": FramingSocket, "ws_per_message_deflate": False}
