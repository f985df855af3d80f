"""Many callers, one round trip: what arrives while a batch is under way makes up the next one.

Nobody waits for a timer: a lone caller goes at once, and the busier it gets the larger the batches grow. The queue
is bounded; when it is full the answer is Unavailable, not memory growth. Everybody who waits gets an answer: when
the other side is gone, all of the queue is told so at once, and not one batch after the other.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from commands._bus import Unavailable

I = TypeVar("I")  # noqa: E741 - the item
R = TypeVar("R")
Waiting = tuple[I, "asyncio.Future[R]"]


def first_ones(queue: deque[Waiting[I, R]], most: int) -> list[Waiting[I, R]]:
    return [queue.popleft() for _ in range(min(most, len(queue)))]


class Batcher(Generic[I, R]):
    """`run` answers a batch item by item, with a result or an exception; what it raises goes to the whole batch."""

    def __init__(
        self,
        run: Callable[[Sequence[I]], Awaitable[Sequence[R | BaseException]]],
        *,
        most: int,
        waiting: int,
        pick: Callable[[deque[Waiting[I, R]], int], list[Waiting[I, R]]] = first_ones,
    ) -> None:
        self._run, self._most, self._limit, self._pick = run, most, waiting, pick
        self._queue: deque[Waiting[I, R]] = deque()
        self._busy: asyncio.Task[None] | None = None
        self._closed = False

    async def submit(self, item: I) -> R:
        if self._closed or len(self._queue) >= self._limit:
            raise Unavailable()
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._queue.append((item, future))
        if self._busy is None:
            self._busy = asyncio.create_task(self._work())
        return await future

    async def _work(self) -> None:
        batch: Sequence[Waiting[I, R]] = ()
        try:
            # One turn of the loop lets everybody who was woken by the last batch join the next one.
            await asyncio.sleep(0)
            while self._queue:
                batch = self._pick(self._queue, self._most)
                # Whoever was cancelled while waiting wants nothing any more.
                batch = [waiting for waiting in batch if not waiting[1].done()]
                if batch:
                    await self._answer(batch)
        except BaseException as end:
            # Only a cancelled or broken loop comes here: whoever still waits must not wait for ever.
            self._fail([*batch, *self._queue], end)
            self._queue.clear()
            raise
        finally:
            self._busy = None

    async def _answer(self, batch: Sequence[Waiting[I, R]]) -> None:
        results: Sequence[R | BaseException]
        try:
            results = await self._run([item for item, _ in batch])
            if len(results) != len(batch):
                raise RuntimeError(f"{len(results)} answers for {len(batch)} items")
        except Unavailable as fault:
            # The next batch would only wait as long for the same answer.
            self._fail([*batch, *self._queue], fault)
            self._queue.clear()
            return
        except Exception as fault:
            results = [fault] * len(batch)
        for (_, future), result in zip(batch, results, strict=True):
            if future.done():
                continue
            if isinstance(result, BaseException):
                future.set_exception(result)
            else:
                future.set_result(result)

    def _fail(self, waiting: Sequence[Waiting[I, R]], fault: BaseException) -> None:
        for _, future in waiting:
            if future.done():
                continue
            if isinstance(fault, Exception):
                future.set_exception(fault)
            else:
                future.cancel()

    async def close(self) -> None:
        """Take nothing more, and answer everybody who is in the queue."""
        self._closed = True
        if self._busy is not None:
            await asyncio.wait([self._busy])
