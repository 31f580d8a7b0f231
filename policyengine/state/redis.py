"""The store `redis`: rows, counters and streams that many machines share.

    store = RedisStore("rediss://:password@redis.example.com:6380/0")
    store = RedisStore("redis://node-1:6379", cluster=True, spread=True)

Each call is one atomic script, and one round trip. It needs Redis 6.2 or later, or what speaks its
protocol and runs its scripts, with `maxmemory-policy noeviction`: a server that evicts keys forgets
what was spent. docs/stores.md says what is lost when a server is.
"""

from __future__ import annotations

import hashlib
import math
import re
import struct
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, Literal, TypeVar
from urllib.parse import urlencode
from zlib import crc32

from policyengine.charges import Charge, Hold, Standing
from policyengine.errors import StateError
from policyengine.state import _redis_scripts as scripts
from policyengine.state._counting import (
    MOST,
    checked,
    checked_amounts,
    reservation_over,
    too_much,
)
from policyengine.state._options import options, yes
from policyengine.state._redis_server import Server
from policyengine.state.store import REMEMBERED, Row

TIMEOUT: Final = 1.0
# Seconds that a gateway's clock may differ from the server's before nothing is held for it.
SKEW: Final = 300.0
# Into how many parts `spread` cuts a namespace. A cluster has 16,384 slots.
PARTS: Final = 1024
# Rows live on the server for so many seconds longer than they count, as clocks differ.
GRACE: Final = 60.0
DAY: Final = 86_400.0
_CENTURY: Final = 36_525 * DAY
# Bytes of a name in a key; what is longer is replaced by its digest.
_LONGEST: Final = 256
# How often a script may ask to be called again, after 2,000 holds that it gave back.
_TURNS: Final = 10_000

_NAMESPACE: Final = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_RESERVE, _TAKE, _TRY, _RESTORE = 0, 1, 2, 3
_SETTLE, _RELEASE, _UNDO = 0, 1, 2

# Errors after which nothing more is held, and those by which a script says so.
_TOO_MUCH: Final = too_much().code
_ANSWERED: Final = (_TOO_MUCH, reservation_over().code, "clock-skew")

_EXPIRES: Final = struct.Struct("<d")
_BATCH: Final = 500

Clock = Literal["server", "caller"]
_Keyed = TypeVar("_Keyed", Charge, Hold)
_Group = tuple[bytes, Sequence[int], Sequence[_Keyed]]


class RedisStore:
    """Rows and a ledger on a Redis server, a cluster of them, or what speaks its protocol.

    `address` is `redis://`, `rediss://` (TLS) or `unix://`, as redis-py reads it. `namespace`
    stands before all keys. Threads may share a store, a forked process opens connections of its
    own, and none is opened before the first call. `connect` makes a client of redis-py in place of
    one for the address: for Sentinel, or for passwords that change.

    `clock` says whose time counts for what is held. Many gateways never have one time, and the
    fastest would give back what the others hold: so the server's does, a reservation is held for
    `expires - now` seconds of it, and a gateway whose clock is more than `skew` seconds off gets
    `clock-skew` where it would hold something, as its windows would be others. With `"caller"`
    only the times count that are passed: for tests, and for a single machine.

    A call waits `timeout` seconds for a connection and for an answer, and is tried again `retries`
    times. That is safe since calls are known by their id, which also says what to do when
    `StateError` was raised: call again with the same id. Only `append`, which has none, is never
    repeated. `remembered` is for how many seconds it is known what became of an id; a server's
    memory is mostly that (docs/stores.md).

    All keys of a namespace lie in one slot of a cluster, so that every call is atomic. `spread`
    lays them into 1,024 parts, so that the nodes of a cluster share the work. What concerns several
    counters is then done part by part, and what was held is given back where a later counter has no
    room, or cannot count as far. No limit is exceeded, but others may be refused meanwhile; after a
    crash in between, what was held expires with the reservation; settling again with the same id
    completes it. An id must always come with the same counters there, and from one caller at a
    time.

    Raises `StateError`: `store-unreachable`, `store-failed`, `store-full`, `clock-skew`,
    `bad-amount` for what is no whole number from 0 to 2^53 (nine billion dollars).
    """

    # Calls wait for a network: who must not wait calls them in a thread.
    BLOCKING = True

    def __init__(
        self,
        address: str = "redis://localhost:6379/0",
        *,
        namespace: str = "policyengine",
        cluster: bool = False,
        spread: bool = False,
        clock: Clock = "server",
        skew: float = SKEW,
        timeout: float = TIMEOUT,
        retries: int = 1,
        remembered: float = REMEMBERED,
        connect: Callable[[], Any] | None = None,
    ) -> None:
        if not _NAMESPACE.fullmatch(namespace):
            message = "a namespace is 1 to 64 letters, digits, `.`, `_`, `:` and `-`"
            raise StateError("bad-address", message)
        if clock not in ("server", "caller"):
            raise StateError("bad-address", "a clock is `server` or `caller`")
        self._server = Server(
            address, cluster=cluster, timeout=timeout, retries=retries, connect=connect
        )
        self._namespace = namespace
        self._spread = spread
        self._serving = float(clock == "server")
        self._skew = float(skew)
        self._remembered = float(remembered)

    def get(self, space: str, key: str, now: float) -> Row | None:
        """The row, unless there is none or it has expired."""
        found = self._server.ask(b"GET", self._row(space, key))
        row = None if found is None else _read(found)
        return None if row is None or row.is_over(now) else row

    def add(self, space: str, key: str, row: Row, now: float) -> Row:
        """Keeps a row where there is none in force; gives the row that is kept then."""
        arguments = (_written(row), _until(row.expires), _plain(now))
        return _read(self._server.run(scripts.ADD, [self._row(space, key)], arguments))

    def put(self, space: str, key: str, row: Row) -> None:
        """Keeps a row, in place of any other."""
        words = (b"PXAT", until) if (until := _until(row.expires)) else ()
        self._server.ask(b"SET", self._row(space, key), _written(row), *words)

    def extend(self, space: str, key: str, expires: float | None) -> bool:
        """Lets a row that is there expire at another time; whether there is one."""
        arguments = (_written(Row(b"", expires)), _until(expires))
        return bool(self._server.run(scripts.EXTEND, [self._row(space, key)], arguments))

    def delete(self, space: str, key: str) -> bool:
        """Forgets a row; whether there was one."""
        return bool(self._server.ask(b"DEL", self._row(space, key)))

    def purge(self, now: float) -> int:
        """Forgets all rows that have expired; how many.

        The server does so by itself a minute after they have; this walks over all of its keys.
        """
        count = 0
        batches: dict[bytes, list[bytes]] = {}
        parts = "/*" if self._spread else ""
        for key in self._server.keys(f"{{{self._namespace}{parts}}}r:*"):
            batch = batches.setdefault(key.partition(b"}")[0], [])
            batch.append(key)
            if len(batch) == _BATCH:
                count += self._purged(batch, now)
                batch.clear()
        return count + sum(self._purged(batch, now) for batch in batches.values() if batch)

    def _purged(self, keys: Sequence[bytes], now: float) -> int:
        return int(self._server.run(scripts.PURGE, keys, (_plain(now),)))

    def _row(self, space: str, key: str) -> bytes:
        name = f"{len(space)}:{space}:{key}"
        return self._tag(name) + _name(b"r", name)

    def reserve(
        self, id: str, charges: Sequence[Charge], now: float, expires: float
    ) -> Mapping[int, Standing]:
        """Holds all charges, or none of them; those that have no room, by position."""
        checked(charges, now, expires)
        refused: dict[int, Standing] = {}
        groups = self._groups(id, charges)
        try:
            for tag, positions, part in groups:
                mode = _TRY if refused else _RESERVE
                answer = self._held(tag, id, part, now, expires, mode)
                if answer != 0:
                    refused.update((positions[a[0]], _standing(a)) for a in answer)
        except StateError as error:
            # After another one it may be that the id is held, by an earlier call.
            if error.code == _TOO_MUCH:
                self._undo(id, groups)
            raise
        if refused:
            self._undo(id, groups)
        return dict(sorted(refused.items()))

    def _undo(self, id: str, groups: Sequence[_Group[Charge]]) -> None:
        """Gives back what has room in one part of a spread namespace, where another has none."""
        if len(groups) > 1:
            for tag, _, part in groups:
                self._finished(tag, id, _holds(part), [0] * len(part), _UNDO)

    def raised(
        self, id: str, charges: Sequence[Charge], now: float, expires: float
    ) -> Mapping[int, Standing]:
        """Holds these amounts in place of the smaller ones that an id held, and until later."""
        checked(charges, now, expires)
        done: list[tuple[bytes, Sequence[Charge], float]] = []
        refused: dict[int, Standing] = {}
        try:
            for tag, positions, part in self._groups(id, charges):
                answer = self._raise(tag, id, part, now, expires, _TRY if refused else _RESERVE)
                if answer == scripts.OVER:
                    raise reservation_over()
                if answer and answer[0] == scripts.RAISED:
                    former = zip(part, answer[2:], strict=True)
                    before = [c._replace(amount=a, limit=None) for c, a in former]
                    done.append((tag, before, float(answer[1])))
                else:
                    refused.update((positions[a[0]], _standing(a)) for a in answer)
        except StateError as error:
            if error.code in _ANSWERED:
                self._restore(id, done, now)
            raise
        if refused:
            self._restore(id, done, now)
        return dict(sorted(refused.items()))

    def _restore(
        self, id: str, done: Iterable[tuple[bytes, Sequence[Charge], float]], now: float
    ) -> None:
        """Puts back what was raised in one part, where another one has no room."""
        for tag, part, until in done:
            self._raise(tag, id, part, now, until, _RESTORE)

    def settle(self, id: str, holds: Sequence[Hold], amounts: Sequence[int], now: float) -> bool:
        """Counts what was really used in place of what was held; whether it was not done before."""
        return self._finish(id, holds, amounts, _SETTLE)

    def release(self, id: str, holds: Sequence[Hold], now: float) -> bool:
        """Gives back all that was held; whether it was not settled or released before."""
        return self._finish(id, holds, [0] * len(holds), _RELEASE)

    def refund(self, id: str, holds: Sequence[Hold], amounts: Sequence[int], now: float) -> bool:
        """Takes amounts off what was settled, never below nothing; whether it was not done before.

        `id` is the refund's own.
        """
        checked_amounts(holds, amounts)
        new = False
        for tag, positions, part in self._groups(id, holds):
            keys, numbers = [tag + _name(b"f", id)], [self._remembered]
            for position, hold in zip(positions, part, strict=True):
                keys.append(tag + _name(b"c", hold.key))
                numbers += [amounts[position], hold.slot]
            new = bool(self._server.run(scripts.REFUND, keys, (_packed(numbers),))) or new
        return new

    def take(self, id: str, charge: Charge, least: int, now: float, expires: float) -> int:
        """Holds as much of a charge as there is room for, if that is at least `least`; else 0."""
        checked((charge,), now, expires)
        (tag, _, part), *_ = self._groups(id, (charge,))
        return int(self._held(tag, id, part, now, expires, _TAKE, least)[0])

    def standing(self, charges: Sequence[Charge], now: float) -> Sequence[Standing]:
        """How the counters stand, without the charges."""
        checked(charges, now)
        found: dict[int, Standing] = {}
        for tag, positions, part in self._groups("", charges):
            numbers = [float(now), self._serving]
            for charge in part:
                numbers += [charge.slot, charge.since]
            keys = [key for charge in part for key in _counter(tag, charge.key)]
            answer = self._asked(scripts.STANDING, keys, (_packed(numbers),))
            found.update((positions[a[0]], _standing(a)) for a in answer)
        return [found[position] for position in range(len(charges))]

    def append(self, stream: str, event: bytes, now: float, keep: int, lasts: float) -> None:
        """Adds an event to a stream, which keeps the newest `keep` for `lasts` seconds."""
        if keep > 0:
            arguments = (_EXPIRES.pack(now + lasts) + event, b"%d" % keep, _plain(lasts))
            # Without an id nobody knows whether it was added already.
            self._server.run(scripts.APPEND, [self._stream(stream)], arguments, again=False)

    def events(self, stream: str, now: float) -> Sequence[bytes]:
        """The events of a stream, oldest first."""
        found = map(_read, self._server.ask(b"LRANGE", self._stream(stream), b"0", b"-1"))
        return [row.value for row in found if not row.is_over(now)]

    def _stream(self, stream: str) -> bytes:
        return self._tag(stream) + _name(b"e", stream)

    def close(self) -> None:
        """Lets go of connections. Using the store again opens them again."""
        self._server.close()

    def __repr__(self) -> str:
        return f"RedisStore({self._server.shown!r}, namespace={self._namespace!r})"

    def _tag(self, name: str) -> bytes:
        """What decides on the slot of a cluster in which a name lies."""
        part = f"/{crc32(_bytes(name)) % PARTS}" if self._spread else ""
        return f"{{{self._namespace}{part}}}".encode()

    def _groups(self, id: str, parts: Sequence[_Keyed]) -> list[_Group[_Keyed]]:
        """Charges or holds by the part of the namespace in which their counters lie."""
        if not self._spread or not parts:
            return [(self._tag(id), range(len(parts)), parts)]
        positions: dict[bytes, list[int]] = {}
        for position, part in enumerate(parts):
            positions.setdefault(self._tag(part.key), []).append(position)
        return [(tag, at, [parts[n] for n in at]) for tag, at in positions.items()]

    def _held(
        self,
        tag: bytes,
        id: str,
        charges: Sequence[Charge],
        now: float,
        expires: float,
        mode: int,
        least: int = 0,
    ) -> Any:
        keys, arguments = self._charged(tag, id, charges, now, expires, mode, least)
        return self._asked(scripts.HOLD, keys, arguments)

    def _raise(
        self,
        tag: bytes,
        id: str,
        charges: Sequence[Charge],
        now: float,
        expires: float,
        mode: int = _RESERVE,
    ) -> Any:
        keys, arguments = self._charged(tag, id, charges, now, expires, mode, 0)
        return self._asked(scripts.RAISE, keys, arguments)

    def _charged(
        self,
        tag: bytes,
        id: str,
        charges: Sequence[Charge],
        now: float,
        expires: float,
        mode: int,
        least: int,
    ) -> tuple[list[bytes], tuple[bytes, bytes]]:
        """Keys and arguments of a script about charges: all numbers are packed into one."""
        name = _name(b"i", id)
        keys = [tag + name]
        numbers = [now, expires, self._serving, self._skew, self._remembered, mode, least]
        for charge in charges:
            keys += _counter(tag, charge.key)
            limit = math.inf if charge.limit is None else min(charge.limit, MOST)
            numbers += (charge.amount, limit, charge.slot, charge.since, charge.lasts)
        return keys, (_packed(numbers), name)

    def _finish(self, id: str, holds: Sequence[Hold], amounts: Sequence[int], mode: int) -> bool:
        checked_amounts(holds, amounts)
        new = False
        for tag, positions, part in self._groups(id, holds):
            theirs = [amounts[position] for position in positions]
            new = self._finished(tag, id, part, theirs, mode) or new
        return new

    def _finished(
        self, tag: bytes, id: str, holds: Sequence[Hold], amounts: Sequence[int], mode: int
    ) -> bool:
        name = _name(b"i", id)
        keys: list[bytes] = [tag + name]
        numbers: list[float] = [self._remembered, mode]
        for hold, amount in zip(holds, amounts, strict=True):
            keys += _counter(tag, hold.key)
            numbers += [amount, hold.slot, hold.lasts]
        return bool(self._server.run(scripts.FINISH, keys, (_packed(numbers), name)))

    def _asked(self, script: scripts.Script, keys: Sequence[bytes], words: Sequence[bytes]) -> Any:
        """The answer of a script, which is called again while it has too much to give back."""
        for _ in range(_TURNS):
            answer = self._server.run(script, keys, words)
            if answer == scripts.TOO_MUCH:
                raise too_much()
            if isinstance(answer, list) and answer and answer[0] == scripts.SKEWED:
                ahead = f"{abs(answer[1])} seconds {'behind' if answer[1] > 0 else 'ahead of'}"
                raise StateError("clock-skew", f"this machine's clock is {ahead} the store's")
            if answer != scripts.AGAIN:
                return answer
        raise StateError("store-failed", "more reservations expire than can be given back")


def opened(address: str) -> RedisStore:
    """The store of an address, with options of `RedisStore` among those of redis-py.

    `redis://host/0?namespace=prod&spread=yes&cluster=yes&clock=caller&timeout=0.5`. Raises
    `StateError` for what is no address.
    """
    server, _, query = address.partition("?")
    ours, others = options(query, _OPTIONS)
    return RedisStore(f"{server}?{urlencode(others)}" if others else server, **ours)


_OPTIONS: Final[Mapping[str, Callable[[str], Any]]] = {
    "namespace": str,
    "clock": str,
    "cluster": yes,
    "spread": yes,
    "skew": float,
    "timeout": float,
    "retries": int,
    "remembered": float,
}


def _bytes(name: str) -> bytes:
    return name.encode("utf-8", "surrogatepass")


def _name(kind: bytes, name: str) -> bytes:
    """A name in a key. Whatever a request puts into a scope, a key stays short."""
    plain = _bytes(name)
    if len(plain) > _LONGEST:
        return kind + b"#" + hashlib.sha256(plain).hexdigest().encode()
    return kind + b":" + plain


def _counter(tag: bytes, key: str) -> tuple[bytes, bytes]:
    """The keys of a counter, and of the single holds of it."""
    name = _name(b"c", key)
    return tag + name, tag + b"h" + name[1:]


def _holds(charges: Iterable[Charge]) -> list[Hold]:
    return [Hold(c.key, c.unit, c.amount, c.slot, c.lasts) for c in charges]


def _packed(numbers: Sequence[float]) -> bytes:
    return _form(len(numbers)).pack(*numbers)


@lru_cache(maxsize=64)
def _form(count: int) -> struct.Struct:
    return struct.Struct(f"<{count}d")


def _standing(answer: Sequence[int]) -> Standing:
    return Standing(answer[1], answer[2], tuple(zip(answer[3::2], answer[4::2], strict=True)))


def _written(row: Row) -> bytes:
    return _EXPIRES.pack(math.inf if row.expires is None else row.expires) + row.value


def _read(found: bytes) -> Row:
    if len(found) < _EXPIRES.size:
        raise StateError("store-failed", "something else than a row lies where one should")
    (expires,) = _EXPIRES.unpack_from(found)
    return Row(found[_EXPIRES.size :], None if expires == math.inf else expires)


def _plain(number: float) -> bytes:
    return repr(float(number)).encode()


def _until(expires: float | None) -> bytes:
    """When the server may forget a row, in milliseconds since 1970; empty for never.

    What has expired by this machine's clock stays for a day: another clock may count.
    """
    if expires is None or expires == math.inf:
        return b""
    now = time.time()
    until = expires + GRACE if expires > now else now + DAY
    return b"%d" % math.ceil(min(until, now + _CENTURY) * 1000)
