"""What a client sends is bounded in length and in time, whatever it says of itself."""

from __future__ import annotations

import asyncio

from starlette.requests import ClientDisconnect, Request

from media.problems import Problem


async def body(request: Request, most: int, within_s: float, too_large: Problem, broken_off: Problem) -> bytes:
    """All of it, or one of the two problems, or BODY_TOO_SLOW."""
    content = bytearray()
    try:
        async with asyncio.timeout(within_s):
            async for part in request.stream():
                content += part
                if len(content) > most:
                    raise too_large
    except TimeoutError:
        raise Problem(408, "BODY_TOO_SLOW", "The request did not arrive in time.") from None
    except ClientDisconnect:
        raise broken_off from None
    return bytes(content)
