"""What happens to a budget in SQLite when processes are killed, disks are full, and files damaged.

Workers are processes of their own. They say what they are about to settle, and then that it is
done, so that it is known to the last micro-dollar what must be there.
"""

from __future__ import annotations

import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from policyengine.charges import Charge, Hold
from policyengine.errors import StateError
from policyengine.state.sqlite import SqliteStore

ROOT = Path(__file__).resolve().parent.parent.parent
LIMIT = 400
WORKER = """
import os, random, sys
from policyengine.charges import Charge, Hold
from policyengine.errors import StateError
from policyengine.state.sqlite import SqliteStore

path, name, limit, lasts = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
random = random.Random(name)

def say(*words):
    os.write(1, (" ".join(map(str, words)) + "\\n").encode())

def charges(amount):
    one = Charge("total", "micro_usd", amount, limit, 0, 0, 0, 10**9, 0, "all", "ever")
    return [one, one._replace(key="of " + name, limit=None)]

store = SqliteStore(path, busy=60.0)
number = refused = 0
while refused < 3:
    number += 1
    id, amount = f"{name}-{number}", random.randrange(1, 4)
    asked = charges(amount)
    if store.reserve(id, asked, 0.0, lasts):
        refused += 1
        continue
    amount = random.randrange(amount + 1)
    say("settling", id, amount)
    holds = [Hold(c.key, c.unit, c.amount, c.slot, c.lasts) for c in asked]
    assert store.settle(id, holds, [amount, amount], 0.0)
    say("settled", id, amount)
"""


def charge(key: str = "total", amount: int = 0, limit: int | None = LIMIT) -> Charge:
    return Charge(key, "micro_usd", amount, limit, 0, 0, 0, 10**9, 0, "all", "ever")


def hold(amount: int, key: str = "total") -> Hold:
    return Hold(key, "micro_usd", amount, 0, 10**9)


@contextmanager
def workers(
    path: Path, count: int, limit: int, lasts: float
) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Processes that spend; what each says is in the file `<path>.<number>`."""
    started = []
    for number in range(count):
        with open(f"{path}.{number}", "wb") as said:
            words = [sys.executable, "-c", WORKER, str(path), f"w{number}", str(limit), str(lasts)]
            started.append(subprocess.Popen(words, stdout=said, cwd=ROOT))
    try:
        yield started
    finally:
        for process in started:
            process.kill()
            process.wait()


def said(path: Path, count: int) -> tuple[dict[str, int], dict[str, int]]:
    """What workers were settling, and what they had settled, by id."""
    found: dict[str, dict[str, int]] = {"settling": {}, "settled": {}}
    for number in range(count):
        # A process that was killed may have been in the middle of a line.
        *lines, _ = Path(f"{path}.{number}").read_text().split("\n")
        for line in lines:
            word, id, amount = line.split()
            found[word][id] = int(amount)
    return found["settling"], found["settled"]


def test_sixteen_processes_use_a_budget_up_and_never_more(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    SqliteStore(path).close()
    with workers(path, 16, LIMIT, 1e9) as started:
        assert [process.wait(timeout=120) for process in started] == [0] * 16
    _, settled = said(path, 16)
    store = SqliteStore(path)
    (standing,) = store.standing([charge()], 0.0)
    assert standing.spent == sum(settled.values())
    assert standing.reserved == 0
    # Refused were amounts of up to three, so at most two are left; and they can still be spent.
    assert LIMIT - 2 <= standing.spent <= LIMIT
    left = LIMIT - standing.spent
    assert store.reserve("rest", [charge(amount=left)], 0.0, 1e9) == {}
    assert store.reserve("more", [charge(amount=1)], 0.0, 1e9) != {}
    store.close()


@pytest.mark.parametrize("seed", [1, 2])
def test_killed_processes_lose_nothing_and_hold_nothing_for_ever(tmp_path: Path, seed: int) -> None:
    path, number = tmp_path / "state.db", 6
    SqliteStore(path).close()
    chosen = random.Random(seed)
    with workers(path, number, 10**9, 50.0) as started:
        deadline = time.monotonic() + 60
        while any(not Path(f"{path}.{n}").stat().st_size for n in range(number)):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        for process in chosen.sample(started, number):
            time.sleep(chosen.uniform(0.0, 0.1))
            process.send_signal(signal.SIGKILL)
            process.wait()
    settling, settled = said(path, number)
    store = SqliteStore(path)
    (before,) = store.standing([charge()], 0.0)
    unknown = settling.keys() - settled.keys()
    assert len(unknown) <= number
    assert sum(settled.values()) <= before.spent <= sum(settling.values())
    # Whoever cannot know settles again. In the end all is there once, and both counters agree.
    for id in unknown:
        of = f"of {id.split('-')[0]}"
        store.settle(id, [hold(3), hold(3, of)], [settling[id]] * 2, 1.0)
    assert not any(store.settle(id, [hold(3)], [settled[id]], 1.0) for id in list(settled)[:50])
    parts = [charge(f"of w{n}") for n in range(number)]
    total, *shares = store.standing([charge(), *parts], 49.0)
    assert total.spent == sum(settling.values()) == sum(share.spent for share in shares)
    assert total.reserved == sum(share.reserved for share in shares) <= 3 * number
    after = store.standing([charge(), *parts], 50.0)
    assert [standing.reserved for standing in after] == [0] * (number + 1)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    store.close()


FULL = """
import resource, signal, sys
from policyengine.charges import Hold
from policyengine.errors import StateError
from policyengine.state.sqlite import SqliteStore

store = SqliteStore(sys.argv[1])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
done = failed = 0
for number in range(2_000):
    try:
        done += store.settle(f"r{number}", [Hold("total", "micro_usd", 1, 0, 10**9)], [1], 0.0)
    except StateError:
        failed += 1
        if failed > 20:
            break
print(done, number)
"""


def test_a_full_disk_is_an_error_and_loses_nothing(tmp_path: Path) -> None:
    pytest.importorskip("resource", reason="the size of files cannot be limited here")
    path = tmp_path / "state.db"
    ran = subprocess.run(
        [sys.executable, "-c", FULL, str(path)], cwd=ROOT, capture_output=True, timeout=120
    )
    assert ran.returncode == 0, ran.stderr.decode()
    done, last = map(int, ran.stdout.split())
    assert 0 < done < last
    store = SqliteStore(path)
    assert store.standing([charge()], 0.0)[0].spent == done
    again = sum(store.settle(f"r{n}", [hold(1)], [1], 0.0) for n in range(last + 1))
    assert done + again == last + 1 == store.standing([charge()], 0.0)[0].spent
    store.close()


def test_a_store_that_is_full_can_be_used_again(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "state.db")
    connection = store._connection
    assert connection is not None
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages + 5}")
    done = -1
    with pytest.raises(StateError) as raised:  # noqa: PT012
        while done < 10_000:
            done += 1
            store.reserve(f"r{done}", [charge(f"k{done}", 1)], 0.0, 9.0)
    assert raised.value.code == "store-full"
    assert store.standing([charge(f"k{done}")], 0.0)[0].used == 0
    connection.execute(f"PRAGMA max_page_count = {pages + 500}")
    assert store.reserve(f"r{done}", [charge(f"k{done}", 1)], 0.0, 9.0) == {}
    assert store.standing([charge(f"k{done}")], 0.0)[0].used == 1
    store.close()


def test_a_store_that_others_write_to_is_waited_for(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "state.db", busy=0.05)
    with closing(sqlite3.connect(store.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StateError) as raised:
            store.reserve("a", [charge(amount=1)], 0.0, 9.0)
        assert raised.value.code == "store-busy"
        assert store.standing([charge()], 0.0)[0].used == 0
        other.execute("ROLLBACK")
    assert store.reserve("a", [charge(amount=1)], 0.0, 9.0) == {}
    store.close()


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE counters SET here_held = -5",
        "UPDATE counters SET here_held = 'none'",
        "UPDATE counters SET newest = x'00'",
        "UPDATE counters SET older = x'0011'",
        "UPDATE counters SET older = 'text'",
        "UPDATE counters SET dies = 'never'",
        "UPDATE recent SET amount = 'much'",
        "UPDATE recent SET more = '[['",
        "UPDATE recent SET more = '[[1, 2, 3]]'",
        "UPDATE recent SET more = '" + "[" * 20_000 + "'",
    ],
)
def test_rows_that_were_changed_are_an_error(tmp_path: Path, change: str) -> None:
    store = SqliteStore(tmp_path / "state.db")
    asked = [charge(amount=1), charge("other", 1)]
    store.reserve("a", asked, 0.0, 9.0)
    with closing(sqlite3.connect(store.path)) as connection:
        connection.execute(change)
        connection.commit()
    counters = "counters" in change
    with pytest.raises(StateError) as raised:
        store.standing(asked, 10.0) if counters else store.reserve("a", asked, 10.0, 19.0)
    assert raised.value.code == "store-damaged"
    store.close()


@pytest.mark.parametrize("column", ["spent", "held", "here_spent", "here_held", "newest", "floor"])
@pytest.mark.parametrize("value", ["-5", "'none'", "x'00'", "0.5"])
@pytest.mark.parametrize("others", [0, 1])
def test_rows_that_were_changed_are_no_free_budget(
    tmp_path: Path, column: str, value: str, others: int
) -> None:
    store = SqliteStore(tmp_path / "state.db")
    asked = [charge(amount=1, limit=1), charge("other", 1)][: 1 + others]
    assert store.reserve("a", asked, 0.0, 90.0) == {}
    with closing(sqlite3.connect(store.path)) as connection:
        connection.execute(f"UPDATE counters SET {column} = {value}")
        connection.commit()
    accepted = False
    with suppress(StateError):
        accepted = store.reserve("b", asked, 10.0, 19.0) == {}
    assert not accepted
    store.close()


def test_a_damaged_file_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    store = SqliteStore(path)
    for number in range(200):
        store.reserve(f"r{number}", [charge(f"k{number}", 1)], 0.0, 9.0)
    store.close()
    data = bytearray(path.read_bytes())
    # All but the page that says what is in the file.
    data[2048:] = random.Random(1).randbytes(len(data) - 2048)
    path.write_bytes(data)
    with pytest.raises(StateError):
        SqliteStore(path).reserve("a", [charge(amount=1)], 0.0, 9.0)


@pytest.mark.parametrize(("there", "kept"), [(None, 2048), (512, 512), (65536, 65536)])
def test_a_file_keeps_its_pages_and_as_much_is_written_ahead(
    tmp_path: Path, there: int | None, kept: int
) -> None:
    path = tmp_path / "state.db"
    if there:
        with closing(sqlite3.connect(path)) as connection:
            connection.execute(f"PRAGMA page_size = {there}")
            connection.execute("CREATE TABLE other (key TEXT)")
    with closing(SqliteStore(path)) as store:
        assert store.reserve("a", [charge(amount=3)], 0.0, 9.0) == {}
        assert store.standing([charge()], 0.0)[0].reserved == 3
        with store._used() as connection:
            (page,) = connection.execute("PRAGMA page_size").fetchone()
            (ahead,) = connection.execute("PRAGMA wal_autocheckpoint").fetchone()
    assert (page, page * ahead) == (kept, 16 << 20)


def test_a_file_of_an_older_version_keeps_working(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(
            "CREATE TABLE state (space TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL,"
            " expires REAL, PRIMARY KEY (space, key)) WITHOUT ROWID"
        )
        connection.execute("INSERT INTO state VALUES ('a', 'k', x'31', NULL)")
        connection.commit()
    store = SqliteStore(path)
    row = store.get("a", "k", 0.0)
    assert row is not None
    assert row.value == b"1"
    assert store.reserve("a", [charge(amount=1)], 0.0, 9.0) == {}
    store.close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(StateError, match="later version"):
        SqliteStore(path)


def test_what_is_durable_waits_for_the_disk(tmp_path: Path) -> None:
    modes = []
    for durable in [False, True]:
        store = SqliteStore(tmp_path / "state.db", durable=durable)
        assert store._connection is not None
        modes += store._connection.execute("PRAGMA synchronous").fetchone()
        store.close()
    assert modes == [1, 2]
