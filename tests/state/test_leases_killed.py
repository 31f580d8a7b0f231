"""Gateways over one file are killed with SIGKILL: what they spend stays within what is stated."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from policyengine.charges import Charge, Standing
from policyengine.state.sqlite import SqliteStore

LIMIT = 6_000
GATEWAY = """
import random, sys, time
from policyengine.charges import Charge, Hold
from policyengine.state.leases import LeasedStore
from policyengine.state.sqlite import SqliteStore

path, log, seed, limit = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
drawn = random.Random(seed)
store = LeasedStore(SqliteStore(path), seconds=2.0, margin=0.1, share=0.05)
with open(log, "w", buffering=1) as told:
    for number in range(100_000):
        amount = drawn.randint(1, 20)
        charge = Charge("k", "tokens", amount, limit, 0, 0, 0, 86_400, 0, "all", "for ever")
        now = time.time()
        refused = store.reserve(f"{seed}-{number}", [charge], now, now + 60)
        if refused:
            told.write("refused\\n")
            time.sleep(0.01)
            continue
        # What is under way when the process is killed counts as spent.
        told.write(f"spends {amount} {store.exposure('k')}\\n")
        hold = Hold("k", "tokens", amount, 0, 86_400)
        used = drawn.randint(0, amount)
        store.settle(f"{seed}-{number}", [hold], [used], now)
        told.write(f"spent {used}\\n")
        time.sleep(0.002)
"""


def _told(log: Path) -> tuple[int, int]:
    """What a gateway spent, and the most that it had not reported at any time.

    A live one counts too: on a machine that is busy enough it is silent for longer than its lease.
    """
    spent, under_way, exposed = 0, 0, 0
    for line in log.read_text().splitlines():
        match line.split():
            case ["spends", amount, exposure]:
                under_way, exposed = int(amount), max(exposed, int(exposure))
            case ["spent", amount]:
                spent, under_way = spent + int(amount), 0
    return spent + under_way, exposed


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_killed_gateways_spend_no_more_than_is_stated(tmp_path: Path) -> None:
    drawn = random.Random(7)
    path, logs, running = tmp_path / "state.db", [], []
    SqliteStore(path).close()
    known = Charge("k", "tokens", 1, LIMIT, 0, 0, 0, 86_400, 0, "all", "for ever")

    def start(number: int) -> None:
        logs.append(tmp_path / f"{number}.log")
        words = [sys.executable, "-c", GATEWAY, str(path), str(logs[-1]), str(number), str(LIMIT)]
        running.append(subprocess.Popen(words))

    for number in range(3):
        start(number)
    try:
        for number in range(3, 7):
            while not (logs[-1].exists() and logs[-1].stat().st_size > 2_000):
                assert running[-1].poll() is None
                time.sleep(0.02)
            killed = running.pop(drawn.randrange(len(running)))
            killed.send_signal(signal.SIGKILL)
            killed.wait(timeout=20)
            start(number)
        # Until what the killed ones had leased is back, and spent.
        end = time.monotonic() + 60
        while time.monotonic() < end:
            tails = [log.read_text()[-60:] for log in logs[-1:] if log.exists()]
            if tails and tails[0].count("refused") > 3 and "spen" not in tails[0]:
                break
            time.sleep(0.05)
        time.sleep(2.5)
    finally:
        for process in running:
            process.kill()
            process.wait(timeout=20)
    told = [_told(log) for log in logs if log.exists()]
    spent = sum(amount for amount, _ in told)
    assert spent > LIMIT * 0.9
    assert spent <= LIMIT + sum(exposed for _, exposed in told)
    store = SqliteStore(path)
    [standing] = store.standing([known], time.time() + 100)
    store.close()
    assert standing.reserved == 0
    assert spent - sum(exposed for _, exposed in told) <= standing.spent <= spent


ENDING = """
import os, sys
from policyengine.charges import Charge, Hold
from policyengine.state.leases import LeasedStore
from policyengine.state.sqlite import SqliteStore

store = LeasedStore(SqliteStore(sys.argv[1]), seconds=40.0)
charge = Charge("k", "tokens", 1, 1000, 0, 0, 0, 86_400, 0, "all", "for ever")
hold = Hold("k", "tokens", 1, 0, 86_400)

def spend(name):
    for number in range(4):
        assert not store.reserve(f"{name}{number}", [charge], 100.0, 160.0)
        assert store.settle(f"{name}{number}", [hold], [1], 100.0)

spend("parent")
child = os.fork()
if child == 0:
    # What the parent leased is not the child's, which has spent nothing.
    assert store.exposure("k") == 0
spend("child" if child == 0 else "again")
if child:
    assert os.waitpid(child, 0)[1] == 0
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
def test_what_was_spent_is_reported_at_a_normal_exit_and_a_fork_has_no_lease(
    tmp_path: Path,
) -> None:
    words = [sys.executable, "-c", ENDING, str(tmp_path / "state.db")]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    store = SqliteStore(tmp_path / "state.db")
    known = Charge("k", "tokens", 1, 1000, 0, 0, 0, 86_400, 0, "all", "for ever")
    assert store.standing([known], 100.0) == [Standing(12, 0, ((0, 12),))]
    store.close()
