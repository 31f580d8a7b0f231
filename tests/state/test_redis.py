"""What is Redis's own: keys, scripts, clocks, parts of a namespace, secrets. The contract of stores
and ledgers is tested in `test_stores.py` and `test_ledgers.py`."""

from __future__ import annotations

import os
import random
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from policyengine.charges import Charge, Hold, Standing
from policyengine.errors import StateError
from policyengine.state.store import REMEMBERED, Row

redis = pytest.importorskip("redis", reason="the package redis is not installed")

from policyengine.state import _redis_scripts as scripts  # noqa: E402
from policyengine.state._counting import MOST  # noqa: E402
from policyengine.state.redis import PARTS, RedisStore  # noqa: E402

NOW = 1_700_000_000.0


def charge(key: str = "k", amount: int = 1, limit: int | None = 10, **others: Any) -> Charge:
    """A charge to a counter of a window that never ends."""
    given = {"slot": 0, "since": 0, "width": 0, "lasts": 3600, "resets": 0} | others
    return Charge(key, "requests", amount, limit, **given, scope="all", window="ever")


def held(*charges: Charge) -> list[Hold]:
    return [Hold(c.key, c.unit, c.amount, c.slot, c.lasts) for c in charges]


@pytest.fixture
def client(redis_server: Any) -> Iterator[Any]:
    with redis.Redis.from_url(redis_server.address) as made:
        yield made


@pytest.fixture
def opened(redis_server: Any) -> Iterator[Callable[..., RedisStore]]:
    """Opens stores on the server, by the caller's clock where nothing else is said."""
    stores: list[RedisStore] = []

    def one(**options: Any) -> RedisStore:
        given = {"clock": "caller", "timeout": 30} | options
        stores.append(RedisStore(redis_server.address, **given))
        return stores[-1]

    yield one
    for store in stores:
        store.close()


def everything(store: RedisStore) -> None:
    """Calls every method, and holds, settles, raises and gives back while it does."""
    charges = [charge(f"k{n}", 2) for n in range(4)]
    assert store.reserve("a", charges, NOW, NOW + 60) == {}
    assert set(store.reserve("b", [*charges[:3], charge("k3", 9)], NOW, NOW + 60)) == {3}
    assert store.raised("a", [c._replace(amount=3) for c in charges], NOW, NOW + 90) == {}
    assert store.settle("a", held(*charges), [1, 1, 1, 1], NOW)
    assert store.reserve("c", charges, NOW, NOW + 60) == {}
    assert store.release("c", held(*charges), NOW)
    assert store.refund("r", held(*charges), [1, 0, 0, 0], NOW)
    assert store.take("t", charge("k0", 99), 1, NOW, NOW + 5) == 10
    assert [s.used for s in store.standing(charges, NOW)] == [10, 1, 1, 1]
    assert [s.used for s in store.standing(charges, NOW + 5)] == [0, 1, 1, 1]
    store.append("s", b"event", NOW, 5, 60)
    assert store.events("s", NOW) == [b"event"]
    until = time.time() + 60
    store.put("space", "key", Row(b"value", until))
    assert store.add("space", "key", Row(b"other"), NOW) == Row(b"value", until)
    assert store.add("space", "another", Row(b"v", until), NOW) == Row(b"v", until)
    assert store.extend("space", "key", until + 1)
    assert store.get("space", "key", NOW) == Row(b"value", until + 1)


@pytest.mark.parametrize("spread", [False, True])
def test_every_key_has_a_time_to_live(opened: Any, client: Any, spread: bool) -> None:
    everything(opened(spread=spread, namespace="lives"))
    lives = {key: client.pttl(key) / 1000 for key in client.scan_iter()}
    assert len(lives) >= 15
    assert all(0 < seconds <= REMEMBERED + 100 for seconds in lives.values()), lives
    counters = [s for key, s in lives.items() if re.search(rb"}[ch]:", key)]
    assert all(3600 <= seconds <= 3600 * 1.2 + 61 for seconds in counters)
    assert all(key.startswith(b"{lives") for key in lives)


@pytest.mark.parametrize("spread", [False, True])
def test_all_keys_of_a_call_are_declared_and_lie_in_one_slot(
    redis_server: Any, spread: bool
) -> None:
    from redis.crc import key_slot

    slots: list[set[int]] = []
    declared: set[bytes] = set()

    real = redis.Redis.from_url(redis_server.address)

    class Client:
        scan_iter, close = real.scan_iter, real.close

        def execute_command(self, *words: Any) -> Any:
            keys = words[3 : 3 + int(words[2])] if words[0].startswith("EVAL") else words[1:2]
            slots.append({key_slot(key) for key in keys})
            declared.update(keys)
            return real.execute_command(*words)

    store = RedisStore(spread=spread, clock="caller", connect=Client)
    everything(store)
    assert len(slots) > 20
    assert all(len(each) == 1 for each in slots)
    assert len(set.union(*slots)) > 1 if spread else len(set.union(*slots)) == 1
    # No script touches a key that it was not given.
    assert set(real.scan_iter()) <= declared
    store.close()


HOSTILE = [
    "",
    "{other}",
    "}{",
    "a:b}c:d",
    "\ud800 half a character",
    "line\r\nSET stolen 1\r\n",
    "'.. redis.call('FLUSHALL') ..'",
    "0:5:id",
    "*",
    "\0",
    "x" * 1_000_000,
]


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("spread", [False, True])
def test_names_are_only_names(opened: Any, client: Any, name: str, spread: bool) -> None:
    store = opened(spread=spread, namespace="n")
    mine, other = charge(name, 4), charge(name + "'", 3)
    assert store.reserve(name, [mine, other], NOW, NOW + 9) == {}
    assert store.reserve(name, [mine, other], NOW, NOW + 9) == {}
    assert [s.reserved for s in store.standing([mine, other], NOW)] == [4, 3]
    assert store.settle(name, held(mine, other), [2, 1], NOW)
    assert not store.settle(name, held(mine, other), [2, 1], NOW)
    assert store.refund(name, held(mine), [1], NOW)
    assert [s.spent for s in store.standing([mine, other], NOW)] == [1, 1]
    store.append(name, name.encode("utf-8", "replace"), NOW, 2, 9)
    assert store.events(name, NOW) == [name.encode("utf-8", "replace")]
    store.put(name, name, Row(b"v"))
    assert store.get(name, name, NOW) == Row(b"v")
    assert store.get(name + ":", name[1:], NOW) is None
    assert all(len(key) < 600 and key.startswith(b"{n") for key in client.scan_iter())


@pytest.mark.parametrize("amount", [2**53, 2**53 - 1, 2**40 + 1])
def test_no_digit_is_lost(opened: Any, client: Any, amount: int) -> None:
    store = opened()
    large = charge("k", amount, None, slot=2**53 - 1, since=2**53 - 1)
    assert store.reserve("a", [large], NOW, NOW + 9) == {}
    assert store.standing([large], NOW) == [Standing(0, amount, ((2**53 - 1, amount),))]
    assert store.settle("a", held(large), [amount - 1], NOW)
    assert store.standing([large], NOW) == [Standing(amount - 1, 0, ((2**53 - 1, amount - 1),))]
    full = charge("k", 1, amount - 1, slot=2**53 - 1, since=2**53 - 1)
    assert store.reserve("b", [full], NOW, NOW + 9)
    assert store.reserve("c", [full._replace(limit=amount)], NOW, NOW + 9) == {}


@pytest.mark.parametrize("amount", [2**53 + 1, -1, 2**64, 1.5, True])
def test_an_amount_that_would_lose_digits_is_refused(opened: Any, amount: Any) -> None:
    store, good = opened(), charge()
    for call in (
        lambda: store.reserve("a", [charge("k", amount)], NOW, NOW + 9),
        lambda: store.settle("a", held(good), [amount], NOW),
        lambda: store.refund("r", held(good), [amount], NOW),
        lambda: store.take("t", charge("k", amount), 1, NOW, NOW + 9),
    ):
        with pytest.raises(StateError, match="whole number") as raised:
            call()
        assert raised.value.code == "bad-amount"
    assert store.standing([good], NOW) == [Standing(0, 0)]


def test_a_counter_is_never_more_than_its_digits(opened: Any) -> None:
    store, large = opened(), charge("k", MOST, None)
    assert store.reserve("a", [large], NOW, NOW + 9) == {}
    with pytest.raises(StateError) as raised:
        store.reserve("b", [charge("k", 1, None)], NOW, NOW + 9)
    assert raised.value.code == "bad-amount"
    # A limit above all that a counter can hold refuses what goes beyond.
    assert store.reserve("c", [charge("k", 1, 10**30)], NOW, NOW + 9)
    # What was spent was spent.
    for id in ("a", "d", "e"):
        assert store.settle(id, held(large), [MOST], NOW)
    assert store.standing([large], NOW)[0].spent == MOST


@pytest.mark.parametrize("count", [99, 100, 101, 2500])
def test_no_refusal_rests_on_what_has_expired(opened: Any, client: Any, count: int) -> None:
    store = opened()
    for number in range(count):
        assert store.reserve(f"{number}", [charge("k", 1, count)], NOW, NOW + 5) == {}
    assert store.reserve("more", [charge("k", 1, count)], NOW + 4, NOW + 9)
    assert store.reserve("all", [charge("k", count, count)], NOW + 5, NOW + 9) == {}
    assert store.standing([charge()], NOW + 5)[0].reserved == count
    assert client.zcard("{policyengine}h:k") == 2  # and what keeps the set


@pytest.mark.parametrize("others", [0, 150])
def test_an_id_whose_hold_has_expired_is_held_anew(opened: Any, others: int) -> None:
    store, asked = opened(), charge("k", 3, None)
    for number in range(others):
        # They expire first, and are more than what one call gives back.
        store.reserve(f"{number}", [asked], NOW, NOW + 4)
    assert store.reserve("a", [asked], NOW, NOW + 5) == {}
    assert store.reserve("a", [asked], NOW + 5, NOW + 10) == {}
    assert store.standing([asked], NOW + 5)[0].reserved == 3
    assert store.take("t", asked, 1, NOW + 5, NOW + 6) == 3
    assert store.take("t", asked, 1, NOW + 6, NOW + 8) == 3
    assert store.standing([asked], NOW + 6)[0].reserved == 6
    assert store.settle("a", held(asked), [2], NOW + 6)
    assert store.reserve("a", [asked], NOW + 20, NOW + 30) == {}
    assert store.standing([asked], NOW + 20)[0][:2] == (2, 0)


def test_what_has_expired_is_settled_all_the_same(opened: Any) -> None:
    store, asked = opened(), charge("k", 5)
    store.reserve("a", [asked], NOW, NOW + 5)
    store.reserve("b", [asked], NOW, NOW + 50)
    assert store.standing([asked], NOW + 5)[0] == Standing(0, 5, ((0, 5),))
    assert store.settle("a", held(asked), [4], NOW + 6)
    assert store.settle("b", held(asked), [4], NOW + 100)
    assert store.standing([asked], NOW + 100)[0] == Standing(8, 0, ((0, 8),))


@pytest.mark.parametrize("spread", [False, True])
def test_a_server_that_forgot_its_scripts_is_told(opened: Any, client: Any, spread: bool) -> None:
    store = opened(spread=spread)
    for number in range(3):
        assert store.reserve(f"{number}", [charge()], NOW, NOW + 9) == {}
        client.script_flush()
    assert store.standing([charge()], NOW)[0].reserved == 3


def test_the_servers_clock_counts_where_many_have_one(opened: Any) -> None:
    store, now = opened(clock="server"), time.time()
    asked = charge("k", 6)
    assert store.reserve("a", [asked], now, now + 60) == {}
    # A gateway whose clock is fast gives nothing back that others hold.
    fast = now + 200
    assert store.reserve("b", [asked], fast, fast + 60)
    assert store.standing([asked], fast + 10**6)[0].reserved == 6
    # One that is slow holds for as long as it says.
    slow = now - 200
    assert store.release("a", held(asked), slow)
    assert store.reserve("c", [asked], slow, slow + 0.05) == {}
    assert store.raised("c", [asked._replace(amount=7)], slow, slow + 0.2) == {}
    time.sleep(0.3)
    assert store.standing([asked], slow)[0].reserved == 0


@pytest.mark.parametrize("seed", range(4))
def test_clocks_that_jump_exceed_no_limit(opened: Any, seed: int) -> None:
    """Gateways whose clocks jump by minutes: what is held stays held, and spent is spent."""
    chosen = random.Random(seed)
    stores = [opened(clock="server") for _ in range(4)]
    off = [0.0] * 4
    holding: dict[str, int] = {}
    spent = 0
    for turn in range(200):
        which = chosen.randrange(4)
        if chosen.random() < 0.2:
            off[which] = chosen.uniform(-290, 290)
        now = time.time() + off[which]
        if holding and chosen.random() < 0.45:
            id = chosen.choice(sorted(holding))
            amount = holding.pop(id)
            used = chosen.randrange(amount + 1)
            assert stores[which].settle(id, held(charge("k", amount)), [used], now)
            spent += used
            continue
        asked = charge("k", chosen.randrange(1, 9), 60)
        refused = stores[which].reserve(f"{turn}", [asked], now, now + 280)
        assert bool(refused) == (spent + sum(holding.values()) + asked.amount > 60)
        if not refused:
            holding[f"{turn}"] = asked.amount
        [stands] = stores[chosen.randrange(4)].standing([asked], now)
        assert stands[:2] == (spent, sum(holding.values()))


@pytest.mark.parametrize(("off", "said"), [(400, "ahead of"), (-400, "behind")])
def test_a_clock_that_is_far_off_holds_nothing_and_settles(
    opened: Any, off: int, said: str
) -> None:
    store, now, asked = opened(clock="server"), time.time(), charge("k", 6)
    assert store.reserve("a", [asked], now, now + 60) == {}
    wrong = now + off
    for call in (
        lambda: store.reserve("b", [asked], wrong, wrong + 60),
        lambda: store.raised("a", [asked], wrong, wrong + 60),
        lambda: store.take("t", asked, 1, wrong, wrong + 60),
    ):
        with pytest.raises(StateError, match=said) as raised:
            call()
        assert raised.value.code == "clock-skew"
    assert store.settle("a", held(asked), [6], wrong)
    assert store.standing([asked], wrong)[0] == Standing(6, 0, ((0, 6),))


def test_nothing_stays_held_where_one_part_has_no_room(opened: Any) -> None:
    store = opened(spread=True)
    wide = [charge(f"k{number}", 2) for number in range(20)]
    full = [*wide[:11], charge("full", 11), *wide[11:], charge("k20", 12)]
    refused = store.reserve("a", full, NOW, NOW + 60)
    assert {place: s.used for place, s in refused.items()} == {11: 0, 21: 0}
    assert all(s.used == 0 for s in store.standing(full, NOW))
    # The id was not used up.
    assert store.reserve("a", wide, NOW, NOW + 60) == {}
    larger = [c._replace(amount=11 if c.key in ("k7", "k13") else 3) for c in wide]
    assert set(store.raised("a", larger, NOW, NOW + 60)) == {7, 13}
    assert all(s.reserved == 2 for s in store.standing(wide, NOW))
    assert store.raised("a", [c._replace(amount=3) for c in wide], NOW, NOW + 60) == {}
    assert store.settle("a", held(*wide), [1] * 20, NOW)
    assert not store.settle("a", held(*wide), [1] * 20, NOW)
    assert [s[:2] for s in store.standing(wide, NOW)] == [(1, 0)] * 20


def test_nothing_stays_held_where_one_part_cannot_count_as_far(opened: Any) -> None:
    store = opened(spread=True)
    for place in range(6):
        wide = [charge(f"{place}-{number}", 2, None) for number in range(6)]
        wide[place] = charge(f"{place}-{place}", MOST, None)
        assert store.reserve("there", [wide[place]._replace(amount=1)], NOW, NOW + 60) == {}
        with pytest.raises(StateError) as raised:
            store.reserve("a", wide, NOW, NOW + 60)
        assert raised.value.code == "bad-amount"
        before = [int(number == place) for number in range(6)]
        assert [s.used for s in store.standing(wide, NOW)] == before
        # The id was not used up, and what it holds is not raised in part either.
        fitting = [c._replace(amount=2) for c in wide]
        assert store.reserve("a", fitting, NOW, NOW + 60) == {}
        with pytest.raises(StateError) as raised:
            store.raised("a", [c._replace(amount=max(c.amount, 3)) for c in wide], NOW, NOW + 90)
        assert raised.value.code == "bad-amount"
        held_now = [2 + one for one in before]
        assert [s.used for s in store.standing(wide, NOW)] == held_now
        assert store.release("a", held(*fitting), NOW)
        assert store.release("there", held(wide[place]), NOW)
        store = opened(spread=True, namespace=f"n{place}")


@pytest.mark.parametrize("amount", [-1, 1.5, MOST + 1, "1", True])
def test_one_bad_amount_holds_nothing_of_the_others(opened: Any, amount: Any) -> None:
    store, wide = opened(spread=True), [charge(f"k{number}", 2) for number in range(6)]
    with pytest.raises(StateError) as raised:
        store.reserve("a", [*wide, charge("bad", amount)], NOW, NOW + 60)
    assert raised.value.code == "bad-amount"
    assert all(s.used == 0 for s in store.standing(wide, NOW))


@pytest.mark.parametrize("spread", [False, True])
def test_a_full_counter_knows_who_filled_it(opened: Any, spread: bool) -> None:
    store, large = opened(spread=spread), [charge("k", MOST, None), charge("l", 1, None)]
    for _ in (0, 1):
        assert store.reserve("a", large, NOW, NOW + 60) == {}
    assert [s.used for s in store.standing(large, NOW)] == [MOST, 1]


class Breaking:
    """A client that dies before one of its calls, or after it."""

    def __init__(self, address: str, calls: int, after: bool) -> None:
        self._client = redis.Redis.from_url(address)
        self._left = calls
        self._after = after
        self.close = self._client.close

    def execute_command(self, *words: Any) -> Any:
        self._left -= 1
        if self._left < 0 and not self._after:
            raise redis.ConnectionError("gone")
        answer = self._client.execute_command(*words)
        if self._left < 0:
            raise redis.ConnectionError("gone")
        return answer


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("calls", range(6))
def test_a_crash_in_the_middle_leaves_what_expires_or_is_completed(
    redis_server: Any, opened: Any, calls: int, after: bool
) -> None:
    def dying(calls: int) -> RedisStore:
        connect = lambda: Breaking(redis_server.address, calls, after)  # noqa: E731
        return RedisStore(spread=True, clock="caller", retries=0, connect=connect)

    store, charges = opened(spread=True), [charge(f"k{n}", 6) for n in range(6)]
    with pytest.raises(StateError, match="could not be reached"):
        dying(calls).reserve("lost", charges, NOW, NOW + 60)
    assert all(s.used in (0, 6) for s in store.standing(charges, NOW))
    assert all(s.used == 0 for s in store.standing(charges, NOW + 60))
    # Called again with the same id, it is held, once.
    with pytest.raises(StateError):
        dying(calls).reserve("a", charges, NOW + 60, NOW + 120)
    assert store.reserve("a", charges, NOW + 60, NOW + 120) == {}
    assert [s.reserved for s in store.standing(charges, NOW + 60)] == [6] * 6
    with pytest.raises(StateError):
        dying(calls).settle("a", held(*charges), [5] * 6, NOW + 61)
    assert store.settle("a", held(*charges), [5] * 6, NOW + 61) or (after and calls == 5)
    assert [s[:2] for s in store.standing(charges, NOW + 61)] == [(5, 0)] * 6


def test_spread_uses_many_slots() -> None:
    from redis.crc import key_slot

    store = RedisStore(spread=True)
    slots = {key_slot(store._tag(f"subject.id={number}")) for number in range(5000)}
    assert len(slots) > PARTS * 0.9


@pytest.mark.parametrize(
    "address",
    [
        "redis://sam:hunter2@127.0.0.1:1/0?password=hunter2",
        "redis://:hunter2@127.0.0.1:1/0?username=sam",
        "unix://sam@/nowhere/at/all?password=hunter2",
    ],
)
def test_no_secret_is_told(address: str) -> None:
    store = RedisStore(address, timeout=0.2)
    with pytest.raises(StateError) as raised:
        store.reserve("secret-id", [charge("secret-key")], NOW, NOW + 9)
    said = [repr(store), str(raised.value), repr(raised.value), repr(store._server)]
    assert raised.value.code == "store-unreachable"
    assert raised.value.__cause__ is None
    assert not [text for text in said if re.search("hunter2|sam|secret", text)]


def test_a_wrong_password_and_a_missing_right_are_told(redis_binary: str, new_redis: Any) -> None:
    server = new_redis("--requirepass", "hunter2")
    for address, why in [
        (f"{server.address}?password=wrong", "refused the login"),
        (server.address, "refused the login"),
    ]:
        with pytest.raises(StateError, match=why) as raised:
            RedisStore(address).get("a", "k", NOW)
        assert raised.value.code == "store-failed"
        assert "wrong" not in str(raised.value)
    assert RedisStore(f"{server.address}?password=hunter2").get("a", "k", NOW) is None


def test_a_connection_can_be_encrypted(new_redis: Any, tmp_path: Path) -> None:
    pytest.importorskip("cryptography", reason="the package cryptography makes the certificate")
    certificate, key = certified(tmp_path)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    files = ["--tls-cert-file", certificate, "--tls-key-file", key, "--tls-ca-cert-file"]
    try:
        new_redis("--tls-port", str(port), *files, certificate, "--tls-auth-clients", "no")
    except AssertionError:
        pytest.skip("this redis-server knows no TLS")
    address = f"rediss://127.0.0.1:{port}/0"
    store = RedisStore(f"{address}?ssl_ca_certs={certificate}", timeout=30)
    store.put("s", "k", Row(b"v"))
    assert store.get("s", "k", NOW) == Row(b"v")
    with pytest.raises(StateError) as raised:
        RedisStore(address, timeout=30).get("s", "k", NOW)
    assert raised.value.code == "store-unreachable"


def certified(folder: Path) -> tuple[str, str]:
    """A certificate for this machine that vouches for itself, and its key."""
    import datetime
    import ipaddress

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "redis")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return str(folder / "cert.pem"), str(folder / "key.pem")


@pytest.mark.parametrize("spread", [False, True])
def test_the_documented_rights_are_enough(new_redis: Any, spread: bool) -> None:
    guide = (Path(__file__).resolve().parents[2] / "docs" / "stores.md").read_text("utf-8")
    [rights] = re.findall(r"^ACL SETUSER gateway .*$", guide, re.MULTILINE)
    server = new_redis()
    with redis.Redis.from_url(server.address) as client:
        client.execute_command(*rights.split())
    login = f"{server.address}?username=gateway&password=password"
    store = RedisStore(login, clock="caller", timeout=30, spread=spread)
    everything(store)
    assert store.purge(NOW) == 0
    assert store.delete("space", "key")
    other = RedisStore(login, namespace="other", clock="caller", timeout=30)
    with pytest.raises(StateError, match="refused the login"):
        other.reserve("a", [charge()], NOW, NOW + 9)


def test_a_full_server_holds_nothing_and_settles(redis_binary: str, new_redis: Any) -> None:
    server = new_redis("--maxmemory-policy", "noeviction")
    store, asked = RedisStore(server.address, clock="caller", timeout=30), charge("k", 6)
    assert store.reserve("a", [asked], NOW, NOW + 60) == {}
    with redis.Redis.from_url(server.address) as client:
        client.config_set("maxmemory", "1mb")
        with pytest.raises(StateError) as raised:
            store.reserve("b", [charge("other")], NOW, NOW + 60)
        assert raised.value.code == "store-full"
        client.config_set("maxmemory", "0")
    assert store.standing([asked, charge("other")], NOW) == [
        Standing(0, 6, ((0, 6),)),
        Standing(0, 0),
    ]
    assert store.settle("a", held(asked), [6], NOW)


def test_something_else_under_a_key_is_an_error(opened: Any, client: Any) -> None:
    store = opened()
    client.set("{policyengine}c:k", "text")
    client.set("{policyengine}r:1:a:k", "text")
    for call in (
        lambda: store.reserve("a", [charge()], NOW, NOW + 9),
        lambda: store.get("a", "k", NOW),
    ):
        with pytest.raises(StateError) as raised:
            call()
        assert raised.value.code == "store-failed"


@pytest.mark.parametrize(
    "options",
    [{"namespace": "a{b}"}, {"namespace": ""}, {"namespace": "a*"}, {"clock": "sundial"}],
)
def test_options_that_make_no_sense(options: Any) -> None:
    with pytest.raises(StateError) as raised:
        RedisStore(**options)
    assert raised.value.code == "bad-address"


@pytest.mark.parametrize("sign", ["/", "?", "#", "@", "[", "%"])
def test_a_password_that_is_not_quoted_is_no_host(sign: str) -> None:
    try:
        said = repr(RedisStore(f"redis://:hunt{sign}er2@127.0.0.1:1/0"))
    except StateError as error:
        said = str(error)
    assert "hunt" not in said
    assert "er2" not in said


def test_an_address_that_is_none() -> None:
    with pytest.raises(StateError) as raised:
        RedisStore("redis://host:port:more").get("a", "k", NOW)
    assert raised.value.code == "bad-address"


def test_namespaces_do_not_meet(opened: Any) -> None:
    for first, second in [("a", "ab"), ("a", "b")]:
        one, other = opened(namespace=first), opened(namespace=second, spread=True)
        one.put("s", "k", Row(b"1", 1.0))
        other.put("s", "k", Row(b"2", 1.0))
        assert one.purge(1.0) == 1
        assert other.get("s", "k", 0.5) == Row(b"2", 1.0)
        assert other.purge(1.0) == 1


def test_rows_that_are_over_are_purged_in_batches(opened: Any) -> None:
    store = opened(spread=True)
    for number in range(1100):
        store.put("s", str(number), Row(b"v", 1.0 if number % 11 else None))
    assert store.purge(1.0) == 1000
    assert store.purge(1.0) == 0
    assert store.get("s", "0", 0) == Row(b"v")


def test_a_stale_connection_is_noticed(opened: Any, client: Any) -> None:
    store = opened()
    store.append("s", b"1", NOW, 9, 60)
    client.client_kill_filter(skipme=True)
    # What may not be repeated is not sent into a connection that is closed.
    store.append("s", b"2", NOW, 9, 60)
    client.client_kill_filter(skipme=True)
    assert store.events("s", NOW) == [b"1", b"2"]


def test_threads_share_a_store(opened: Any) -> None:
    store, asked = opened(), charge("k", 1, 100)

    def work(number: int) -> bool:
        if store.reserve(f"{number}", [asked], NOW, NOW + 60):
            return False
        return bool(store.settle(f"{number}", held(asked), [1], NOW))

    with ThreadPoolExecutor(16) as threads:
        assert sum(threads.map(work, range(400))) == 100
    assert store.standing([asked], NOW)[0][:2] == (100, 0)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_connects_anew(opened: Any) -> None:
    store = opened()
    assert store.reserve("a", [charge()], NOW, NOW + 60) == {}
    children = []
    for number in range(4):
        child = os.fork()
        if not child:
            code = 1
            try:
                for turn in range(50):
                    assert store.standing([charge()], NOW)[0].reserved == 1
                    store.append("s", b"%d" % (100 * number + turn), NOW, 999, 60)
                code = 0
            finally:
                os._exit(code)
        children.append(child)
    for _ in range(50):
        assert store.standing([charge()], NOW)[0].reserved == 1
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0] * 4
    assert len(store.events("s", NOW)) == 200


def test_a_thread_that_is_interrupted_leaves_no_answer_to_others(opened: Any) -> None:
    store = opened()
    for number in range(20):
        store.put("s", str(number), Row(b"%d" % number))
    connection = store._server._opened().take(True)
    store._server._opened().give(connection)
    real = connection._connection.read_response

    def interrupted() -> Any:
        connection._connection.read_response = real
        raise KeyboardInterrupt

    connection._connection.read_response = interrupted
    with pytest.raises(KeyboardInterrupt):
        store.get("s", "1", NOW)
    assert store.get("s", "2", NOW) == Row(b"2")


def test_scripts_are_constants() -> None:
    made = [each for each in vars(scripts).values() if isinstance(each, scripts.Script)]
    assert len(made) == 9
    assert len({each.name for each in made}) == 9


@contextmanager
def silent_server() -> Iterator[int]:
    """A port that accepts and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def test_a_server_that_does_not_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    with silent_server() as port:
        store = RedisStore(f"redis://127.0.0.1:{port}", timeout=0.05, retries=2)
        done = threading.Event()

        def ask() -> None:
            with pytest.raises(StateError, match="could not be reached"):
                store.reserve("a", [charge()], NOW, NOW + 9)
            done.set()

        thread = threading.Thread(target=ask)
        thread.start()
        thread.join(30)
        assert done.is_set()


def test_counters_equal_a_simple_model(opened: Any) -> None:
    """Rolling windows, clocks that go back, many ids: against sums over a list of what happened."""
    for seed in range(12):
        chosen, store = random.Random(seed), opened(namespace=f"model{seed}")
        settled: list[tuple[int, int]] = []
        holding: dict[str, tuple[int, int, float]] = {}
        latest, now = 0, 1000.0
        for turn in range(120):
            now += chosen.choice([0, 0, 1, 3, 12, -7])
            holding = {id: h for id, h in holding.items() if h[2] > now}
            if holding and chosen.random() < 0.5:
                id = chosen.choice(sorted(holding))
                slot, amount, _ = holding.pop(id)
                used = chosen.randrange(0, 9)
                assert store.settle(id, [Hold("k", "tokens", amount, slot, 60)], [used], now)
                settled.append((slot, used))
                continue
            slot = int(now) // 10 * 10
            asked = charge("k", chosen.randrange(1, 6), 20, slot=slot, since=slot - 30, width=10)
            slot = max(slot, latest)
            live = [*settled, *((at, amount) for at, amount, _ in holding.values())]
            used = sum(amount for at, amount in live if at >= slot - 30)
            refused = store.reserve(
                f"{turn}", [asked], now, expires := now + chosen.choice([5, 50])
            )
            assert bool(refused) == (used + asked.amount > 20), (seed, turn)
            if refused:
                assert refused[0].used == used
                assert sum(amount for _, amount in refused[0].slots) == used
                assert [at for at, _ in refused[0].slots] == sorted(
                    {at for at, _ in refused[0].slots}
                )
            else:
                holding[f"{turn}"] = (slot, asked.amount, expires)
                latest = slot
