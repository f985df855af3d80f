"""The page of the consultation room, served beside the API: files of `web/`, as they are.

Rules: the page loads nothing from anywhere else, runs no script that is not a file of ours, and may be put into no
frame; it talks to the API it came from and to the media workers, and to nobody else; it gets no token from here.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from urllib.parse import urlsplit

from starlette.responses import RedirectResponse
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from infra.settings import ROOT, Settings

WEB = ROOT / "web"
ON_THIS_MACHINE = ("http://127.0.0.1:*", "ws://127.0.0.1:*")


def room_page(media: tuple[str, ...]) -> list[BaseRoute]:
    """The routes; `media` are the origins of the media workers, as a content security policy names them."""
    headers = {
        "Content-Security-Policy": policy(media),
        "Permissions-Policy": "camera=(self), microphone=(self), display-capture=(self), geolocation=()",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cache-Control": "no-cache",
    }

    async def to_the_page(_: object) -> RedirectResponse:
        return RedirectResponse("/room/", headers={"Referrer-Policy": "no-referrer"})

    return [
        Route("/", to_the_page, methods=["GET"]),
        Mount("/room", _with(headers, StaticFiles(directory=WEB / "room", html=True))),
        Mount("/live", _with(headers, StaticFiles(directory=WEB / "live"))),
    ]


def policy(media: tuple[str, ...]) -> str:
    """What the page may load and whom it may call."""
    return "; ".join(
        [
            "default-src 'none'",
            "script-src 'self'",
            "worker-src 'self'",
            "style-src 'self'",
            "img-src 'self' blob: data:",
            "media-src 'self' blob:",
            "font-src 'self'",
            f"connect-src 'self' {' '.join(media)}",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        ]
    )


def media_origins(settings: Settings) -> tuple[str, ...]:
    """Where the workers are: the origin that is set; else any secure one, and on a developer's machine this one."""
    if settings.media_url:
        parts = urlsplit(settings.media_url)
        socket = "wss" if parts.scheme == "https" else "ws"
        return (f"{parts.scheme}://{parts.netloc}", f"{socket}://{parts.netloc}")
    return ("https:", "wss:") if settings.production else ON_THIS_MACHINE


def _with(headers: MutableMapping[str, str], app: ASGIApp) -> ASGIApp:
    """The application, with these headers on every answer."""
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *raw]
            await send(message)

        await app(scope, receive, told)

    return answer
