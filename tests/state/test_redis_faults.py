"""What happens to money in Redis when a server or a client ends at the wrong moment."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from policyengine.charges import Charge, Hold
from policyengine.errors import StateError
from policyengine.state.store import Row

redis = pytest.importorskip("redis", reason="the package redis is not installed")

from policyengine.state.redis import RedisStore  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
LASTING = ("--appendonly", "yes", "--appendfsync", "always")


def charge(amount: int, limit: int, key: str = "budget") -> Charge:
    return Charge(key, "micro_usd", amount, limit, 0, 0, 0, 86_400, 0, "all", "ever")


def held(*charges: Charge) -> list[Hold]:
    return [Hold(c.key, c.unit, c.amount, c.slot, c.lasts) for c in charges]


def insisting(call: Callable[[], Any]) -> tuple[Any, int]:
    """The answer of a call that is made again until the store answers, and how often it failed."""
    failed, end = 0, time.monotonic() + 60
    while True:
        try:
            return call(), failed
        except StateError as error:
            if error.code != "store-unreachable" or time.monotonic() > end:
                raise
            failed += 1
            time.sleep(0.01)


@pytest.mark.parametrize("spread", [False, True])
def test_what_was_acknowledged_outlives_the_server(new_redis: Any, spread: bool) -> None:
    server, limit = new_redis(*LASTING), 4000
    store = RedisStore(server.address, clock="caller", retries=0, spread=spread, timeout=5)
    done: list[int] = []
    failed: list[int] = []

    def work(seed: int) -> None:
        chosen = random.Random(seed)
        turn = 0
        # Until the server was away for everybody, and a while longer.
        while not stopping.is_set() or turn % 30:
            turn += 1
            id, amount = f"{seed}-{turn}", chosen.randrange(1, 9)
            asked = [charge(amount, limit), charge(amount, 10**9, f"worker {seed}")]
            refused, lost = insisting(lambda: store.reserve(id, asked, 0.0, 1000.0))  # noqa: B023
            failed.append(lost)
            if refused:
                continue
            if chosen.random() < 0.2:
                insisting(lambda: store.release(id, held(*asked), 0.0))  # noqa: B023
                continue
            used = chosen.randrange(0, amount + 1)
            _, lost = insisting(
                lambda: store.settle(id, held(*asked), [used, used], 0.0)  # noqa: B023
            )
            failed.append(lost)
            done.append(used)

    stopping = threading.Event()
    workers = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for worker in workers:
        worker.start()
    chosen = random.Random(7)
    for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGKILL):
        time.sleep(chosen.uniform(0.05, 0.1))
        server.stop(number)
        time.sleep(0.03)
        server.start()
    stopping.set()
    for worker in workers:
        worker.join(60)
    all_of_them = [charge(1, limit), *(charge(1, limit, f"worker {n}") for n in range(4))]
    [whole, *each], _ = insisting(lambda: store.standing(all_of_them, 0.0))
    assert sum(failed) > 0, "the server was away for nobody"
    assert 0 < whole.spent == sum(done) <= limit
    assert whole.spent == sum(one.spent for one in each)
    assert whole.reserved == sum(one.reserved for one in each) == 0
    store.close()


def test_rows_and_streams_outlive_the_server(new_redis: Any) -> None:
    server = new_redis(*LASTING)
    store = RedisStore(server.address, clock="caller")
    store.put("s", "k", Row(b"v"))
    store.append("s", b"1", 0.0, 9, 60.0)
    assert store.reserve("a", [charge(5, 9)], 0.0, 60.0) == {}
    server.stop(signal.SIGKILL)
    began = time.monotonic()
    for call in (
        lambda: store.get("s", "k", 0.0),
        lambda: store.append("s", b"2", 0.0, 9, 60.0),
        lambda: store.reserve("b", [charge(5, 9)], 0.0, 60.0),
        lambda: store.purge(0.0),
    ):
        with pytest.raises(StateError) as raised:
            call()
        assert raised.value.code == "store-unreachable"
    # Nobody waits for what is not there; a machine that is busy may still take a while.
    assert time.monotonic() - began < 10
    server.start()
    assert store.get("s", "k", 0.0) == Row(b"v")
    assert store.events("s", 0.0) == [b"1"]
    assert store.standing([charge(5, 9)], 0.0)[0].reserved == 5
    assert set(store.reserve("b", [charge(5, 9)], 0.0, 60.0)) == {0}


# Spends of one budget until it is used up, and writes down what it is about to settle.
CLIENT = """
import json, os, random, sys, time
from policyengine.charges import Charge, Hold
from policyengine.state.redis import RedisStore

address, seed, limit = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
chosen, store = random.Random(seed), RedisStore(address, timeout=30)
out = os.open(sys.argv[4], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
say = lambda *words: os.write(out, json.dumps(words).encode() + b"\\n")
say("ready")
sys.stdin.readline()
for turn in range(100_000):
    id, amount = f"{seed}-{turn}", chosen.randrange(1, 40)
    charge = Charge("budget", "micro_usd", amount, limit, 0, 0, 0, 86_400, 0, "all", "ever")
    hold = Hold(charge.key, charge.unit, amount, 0, charge.lasts)
    now = time.time()
    refused = store.reserve(id, [charge], now, now + 300)
    if refused:
        say("refused", amount, refused[0].used)
        if amount == 1:
            break
        continue
    used = chosen.randrange(amount // 2, amount + 1)
    say("settling", id, list(hold), used)
    store.settle(id, [hold], [used], now)
    say("settled", id)
"""


def test_16_processes_some_of_them_killed_share_one_budget(
    redis_server: Any, tmp_path: Path
) -> None:
    limit, chosen = 20_000, random.Random(16)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    logs = [tmp_path / f"{number}.log" for number in range(16)]
    clients = [
        subprocess.Popen(
            [sys.executable, "-c", CLIENT, redis_server.address, str(seed), str(limit), str(log)],
            stdin=subprocess.PIPE,
            env=environment,
        )
        for seed, log in enumerate(logs)
    ]
    try:
        end = time.monotonic() + 60
        while not all(log.exists() and log.stat().st_size for log in logs):
            assert time.monotonic() < end, "not all clients came up"
            time.sleep(0.02)
        for client in clients:
            assert client.stdin is not None
            client.stdin.write(b"go\n")
            client.stdin.flush()
        for victim in chosen.sample(clients, 6):
            time.sleep(chosen.uniform(0.0, 0.05))
            victim.kill()
        for client in clients:
            client.communicate(timeout=60)
    finally:
        for client in clients:
            client.kill()
    said = [json.loads(line) for log in logs for line in log.read_text().splitlines()]
    assert sum(words[0] == "settled" for words in said) > 200
    store = RedisStore(redis_server.address, timeout=30)
    # Whoever was killed while it settled is settled again: by its id, at most once in all.
    settled = {words[1] for words in said if words[0] == "settled"}
    for words in said:
        if words[0] == "settling":
            new = store.settle(words[1], [Hold(*words[2])], [words[3]], time.time())
            assert not (new and words[1] in settled), "what was acknowledged was not there"
    [stands] = store.standing([charge(1, limit)], time.time())
    assert stands.spent == sum(words[3] for words in said if words[0] == "settling")
    assert stands.used <= limit
    assert all(amount + used > limit for _, amount, used in _refusals(said))
    # What the killed ones held comes back; nobody else holds anything.
    [later] = RedisStore(redis_server.address, clock="caller", timeout=30).standing(
        [charge(1, limit)], time.time() + 301
    )
    assert later == (stands.spent, 0, ((0, stands.spent),))


def _refusals(said: list[Any]) -> list[Any]:
    return [words for words in said if words[0] == "refused"]


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@pytest.fixture
def cluster(new_redis: Any) -> list[Any]:
    """Three servers that are a cluster."""
    nodes, buses = [], []
    for _ in range(3):
        bus = free_port()
        words = ("--cluster-enabled", "yes", "--cluster-port", str(bus))
        nodes.append(new_redis(*words, port=free_port()))
        buses.append(bus)
    clients = [redis.Redis.from_url(node.address) for node in nodes]
    for number, client in enumerate(clients):
        first, last = 16384 * number // 3, 16384 * (number + 1) // 3 - 1
        client.execute_command("CLUSTER ADDSLOTSRANGE", first, last)
        client.execute_command("CLUSTER SET-CONFIG-EPOCH", number + 1)
    for node, bus in zip(nodes[1:], buses[1:], strict=True):
        clients[0].execute_command("CLUSTER MEET", "127.0.0.1", node.port, bus)
    end = time.monotonic() + 30
    while not all(_is_up(client) for client in clients):
        assert time.monotonic() < end, "the cluster does not come up"
        time.sleep(0.02)
    for client in clients:
        client.close()
    return nodes


def _is_up(client: Any) -> bool:
    said = client.execute_command("CLUSTER INFO")
    known = said if isinstance(said, dict) else {}
    return known.get("cluster_state") == "ok" and known.get("cluster_known_nodes") == "3"


def test_a_cluster_of_three(cluster: list[Any]) -> None:
    address = f"redis://127.0.0.1:{cluster[0].port}"
    for spread in (False, True):
        name = f"spread-{spread}"
        store = RedisStore(
            address, namespace=name, cluster=True, spread=spread, clock="caller", timeout=30
        )
        does_its_work(store)
        store.close()
        used = []
        for node in cluster:
            with redis.Redis.from_url(node.address) as client:
                used.append(any(client.scan_iter(f"{{{name}*")))
        assert used.count(True) == (3 if spread else 1)


def does_its_work(store: RedisStore) -> None:
    charges = [charge(2, 10, f"k{number}") for number in range(30)]
    for id in "abcde":
        assert store.reserve(id, charges, 0.0, 60.0) == {}
    assert len(store.reserve("f", charges, 0.0, 60.0)) == 30
    assert store.raised("a", [c._replace(limit=None) for c in charges], 0.0, 60.0) == {}
    assert store.settle("a", held(*charges), [1] * 30, 0.0)
    assert not store.settle("a", held(*charges), [1] * 30, 0.0)
    assert store.release("b", held(*charges), 0.0)
    assert store.refund("r", held(*charges), [1] * 30, 0.0)
    assert store.take("t", charges[0], 1, 0.0, 60.0) == 2
    assert [s[:2] for s in store.standing(charges, 0.0)] == [(0, 8), *[(0, 6)] * 29]
    assert [s[:2] for s in store.standing(charges, 60.0)] == [(0, 0)] * 30
    for number in range(40):
        store.put("s", str(number), Row(b"v", 1.0))
        store.append(f"s{number}", b"e", 0.0, 9, 60.0)
        assert store.events(f"s{number}", 0.0) == [b"e"]
    assert store.purge(1.0) == 40
