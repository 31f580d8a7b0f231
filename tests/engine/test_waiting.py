"""Work that may hang: it holds up neither other decisions for long, nor the end of the process."""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any

import pytest

from policyengine.engine import waiting
from policyengine.errors import FactError

HANGS = """\
import threading, time
from policyengine.engine.waiting import waited
from policyengine.errors import FactError
try:
    waited(threading.Event().wait, time.monotonic() + 0.01)
except FactError as error:
    print(error.code)
"""


@pytest.fixture
def threads() -> waiting._Threads:
    return waiting._Threads()


@pytest.fixture
def stuck() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


def test_a_process_ends_though_a_source_hangs() -> None:
    done = subprocess.run(
        [sys.executable, "-c", HANGS], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "fact-timeout"


def test_more_than_all_threads_that_hang_are_refused_in_the_end(
    threads: waiting._Threads, stuck: threading.Event
) -> None:
    hanging = [threads.submit(stuck.wait) for _ in range(waiting.MAX_BLOCKED)]
    # Each has been taken by a thread before more is handed in.
    while not all(future.running() for future in hanging):
        time.sleep(0.001)
    waits = [threads.submit(lambda: 1) for _ in range(waiting.MAX_WAITING)]
    with pytest.raises(FactError) as caught:
        threads.submit(lambda: 1)
    assert caught.value.code == "fact-timeout"
    stuck.set()
    assert {future.result(60) for future in waits} == {1}


def test_threads_are_used_again(threads: waiting._Threads) -> None:
    names = set()
    for _ in range(50):
        names.add(threads.submit(lambda: threading.current_thread().name).result(60))
    assert len(names) < waiting.MAX_BLOCKED


def test_what_work_raises_reaches_who_waits() -> None:
    def fail() -> Any:
        raise TimeoutError("of its own")

    with pytest.raises(TimeoutError, match="of its own"):
        waiting.waited(fail, time.monotonic() + 60)


def test_cancelled_work_is_not_begun(threads: waiting._Threads, stuck: threading.Event) -> None:
    for _ in range(waiting.MAX_BLOCKED):
        threads.submit(stuck.wait)
    begun: list[int] = []
    late: Future[Any] = threads.submit(lambda: begun.append(1))
    assert late.cancel()
    stuck.set()
    threads.submit(lambda: None).result(60)
    assert begun == []


@pytest.mark.skipif(
    "fork" not in multiprocessing.get_all_start_methods(), reason="this system does not fork"
)
def test_a_forked_process_has_threads_of_its_own() -> None:
    code = """\
import os, time
from policyengine.engine.waiting import waited
waited(int, time.monotonic() + 60)
child = os.fork()
if child == 0:
    os._exit(7 if waited(int, time.monotonic() + 60) == 0 else 1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", code],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == "7"
