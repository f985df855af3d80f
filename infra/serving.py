"""Serves an ASGI app inside a process that owns its own signals and its own end.

Rules: the socket is bound before anything is told about its port, so a port that is printed is a port that answers;
uvicorn never installs signal handlers, because the process decides in which order its parts stop.
"""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Any

import uvicorn

LOOPBACK, ANY_ADDRESS = "127.0.0.1", "0.0.0.0"


def bound_socket(port: int, host: str = LOOPBACK) -> socket.socket:
    """A listening socket's address is taken at once; OSError when another program has it."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
    except OSError:
        sock.close()
        raise
    sock.set_inheritable(False)
    return sock


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.asynccontextmanager
async def serving(app: Any, sock: socket.socket, **options: Any) -> AsyncIterator[str]:
    """Serves `app` on `sock` while the block runs and yields its address; open requests get 2 s to end."""
    settings: dict[str, Any] = {
        "log_config": None,
        "access_log": False,
        "server_header": False,
        "lifespan": "off",
        "timeout_graceful_shutdown": 2,
    }
    server = _Server(uvicorn.Config(app, **{**settings, **options}))
    task = asyncio.create_task(server.serve(sockets=[sock]))
    # uvicorn tells that it has started by a flag only.
    while not server.started and not task.done():  # noqa: ASYNC110
        await asyncio.sleep(0.005)
    try:
        if task.done():
            await task
            raise RuntimeError("the server ended before it started")
        host, port = sock.getsockname()[:2]
        # Whoever listens everywhere is reached from this machine over loopback.
        yield f"http://{LOOPBACK if host == ANY_ADDRESS else host}:{port}"
    finally:
        server.should_exit = True
        await task
        sock.close()
