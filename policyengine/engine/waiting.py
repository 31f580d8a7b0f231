"""Waiting for slow sources of facts, and not longer than there is time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, Final

from policyengine.errors import FactError

# Sources that block at the same time; the next one waits, and its deadline does not.
MAX_BLOCKED: Final = 32


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(MAX_BLOCKED, "policyengine-facts")


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


async def waited_later(work: Callable[[], Any], deadline: float) -> Any:
    """`waited` without blocking the event loop."""
    return await awaited(asyncio.get_running_loop().run_in_executor(_threads(), work), deadline)


async def awaited(coming: Awaitable[Any], deadline: float) -> Any:
    """What something to await gives. Raises `FactError` at the deadline, and cancels it."""
    try:
        async with asyncio.timeout(max(deadline - time.monotonic(), 0)) as limit:
            return await coming
    except TimeoutError:
        if limit.expired():
            raise timed_out() from None
        raise
