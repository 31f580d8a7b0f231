"""Waiting for slow sources of facts, and not longer than there is time."""

from __future__ import annotations

import os
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import cache
from queue import SimpleQueue
from threading import Lock, Semaphore, Thread
from typing import TYPE_CHECKING, Any, Final

from policyengine.errors import FactError

# Most processes decide without waiting: asyncio and futures are imported where one waits.
if TYPE_CHECKING:
    from concurrent.futures import Future

# Sources that block at the same time; the next one waits, and its deadline does not.
MAX_BLOCKED: Final = 32
# Those that wait while as many block. More are refused at once, so that nothing piles up.
MAX_WAITING: Final = 1_024


class _Threads:
    """Threads for work that may hang, which keep no process from ending.

    Those of `ThreadPoolExecutor` are joined when the interpreter exits, however long they hang.
    """

    def __init__(self) -> None:
        self._waiting: SimpleQueue[tuple[Future[Any], Callable[[], Any]]] = SimpleQueue()
        self._idle = Semaphore(0)
        self._started = 0
        self._lock = Lock()

    def submit(self, work: Callable[[], Any]) -> Future[Any]:
        """What work will give. Raises `FactError` where too much waits already."""
        from concurrent.futures import Future

        if self._waiting.qsize() >= MAX_WAITING:
            raise timed_out()
        coming: Future[Any] = Future()
        self._waiting.put((coming, work))
        if not self._idle.acquire(blocking=False):
            self._start()
        return coming

    def _start(self) -> None:
        with self._lock:
            if self._started == MAX_BLOCKED:
                return
            self._started += 1
            name = f"policyengine-facts-{self._started}"
        Thread(target=self._serve, name=name, daemon=True).start()

    def _serve(self) -> None:
        while True:
            coming, work = self._waiting.get()
            if coming.set_running_or_notify_cancel():
                try:
                    coming.set_result(work())
                # Whatever it is belongs to the one who waits for it.
                except BaseException as error:
                    coming.set_exception(error)
            # Texts of one decision must not live until the next.
            del coming, work
            self._idle.release()


@cache
def _threads() -> _Threads:
    return _Threads()


# A forked process has none of the threads.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_threads.cache_clear)


def left(deadline: float) -> float:
    """The seconds until a deadline of `time.monotonic`; raises `FactError` if there are none."""
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise timed_out()
    return seconds


def timed_out() -> FactError:
    """The time that the guards of a decision have is over."""
    return FactError("fact-timeout", "there was no time left to look at all texts")


def waited(work: Callable[[], Any], deadline: float) -> Any:
    """What work gives that blocks, done in a thread. Raises `FactError` at the deadline.

    A thread cannot be stopped: work that goes on behind its deadline keeps one until it ends.

    >>> waited(lambda: 3, time.monotonic() + 5)
    3
    """
    doing = _threads().submit(work)
    try:
        return doing.result(left(deadline))
    except TimeoutError:
        if doing.done():
            # The work's own failure, not ours.
            raise
        doing.cancel()
        raise timed_out() from None


def started(work: Callable[[], Any]) -> None:
    """Does work in a thread that nobody waits for, unless too much waits already."""
    with suppress(FactError):
        _threads().submit(work)


async def waited_later(work: Callable[[], Any], deadline: float) -> Any:
    """`waited` without blocking the event loop."""
    import asyncio

    return await awaited(asyncio.wrap_future(_threads().submit(work)), deadline)


async def awaited(coming: Awaitable[Any], deadline: float) -> Any:
    """What something to await gives. Raises `FactError` at the deadline, and cancels it."""
    import asyncio

    try:
        async with asyncio.timeout(max(deadline - time.monotonic(), 0)) as limit:
            return await coming
    except TimeoutError:
        if limit.expired():
            raise timed_out() from None
        raise
