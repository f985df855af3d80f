"""Frames that are made once: what a client sees of them is what it would have seen anyway."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from uvicorn.protocols.utils import ClientDisconnected
from websockets.asyncio.client import ClientConnection, connect
from websockets.frames import Frame, Opcode

from infra.framing import FRAMES, FRAMING, framed
from infra.serving import bound_socket, serving

App = Callable[[Any, Any, Any], Awaitable[None]]


@asynccontextmanager
async def connected(talk: App, **options: Any) -> AsyncIterator[ClientConnection]:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await talk(scope, receive, send)

    async with (
        serving(app, bound_socket(0), **{**FRAMING, **options}) as url,
        connect(url.replace("http", "ws")) as client,
    ):
        yield client


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536, 200_000])
def test_a_frame_is_the_one_that_the_library_makes(size: int) -> None:
    text = b"x" * size
    assert framed(text) == Frame(Opcode.TEXT, text).serialize(mask=False)


async def test_frames_and_texts_arrive_whole_and_in_their_order() -> None:
    long = "Nhịp tim " * 20_000

    async def talk(scope: Any, receive: Any, send: Any) -> None:
        assert FRAMES in scope["extensions"]
        await send({"type": "websocket.send", "frame": framed(b"first")})
        await send({"type": "websocket.send", "text": "second"})
        await send({"type": "websocket.send", "frame": framed(long.encode())})
        await receive()

    async with connected(talk) as client:
        assert [await client.recv() for _ in range(3)] == ["first", "second", long]


async def test_a_server_that_compresses_takes_no_frames() -> None:
    async def talk(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.send", "text": ", ".join(scope["extensions"])})

    async with connected(talk, ws_per_message_deflate=True) as client:
        assert FRAMES not in str(await client.recv())


async def test_nothing_is_framed_after_the_end_of_the_connection() -> None:
    ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def talk(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.close"})
        try:
            await send({"type": "websocket.send", "frame": framed(b"too late")})
        except ClientDisconnected:
            ended.set_result("disconnected")
        else:
            ended.set_result("sent")

    async with connected(talk):
        assert await asyncio.wait_for(ended, 60) == "disconnected"


async def test_who_reads_slowly_holds_up_its_own_frames_only() -> None:
    sent = 0

    async def talk(scope: Any, receive: Any, send: Any) -> None:
        nonlocal sent
        for _ in range(400):
            await send({"type": "websocket.send", "frame": framed(b"x" * 100_000)})
            sent += 1

    async with connected(talk) as client:
        client.transport.pause_reading()
        await asyncio.sleep(0.5)
        assert sent < 400
        client.transport.resume_reading()
        for _ in range(400):
            await client.recv()
