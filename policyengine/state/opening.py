"""The store of an address, as hosts and operators write it: `memory`, `sqlite:PATH`, `redis://...`.

The first word is the name of a store: the file of this room, or an entry point of a third party in
the group `policyengine.state`, which offers `opened(address)`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from policyengine import plugins
from policyengine.errors import StateError
from policyengine.state._options import options, yes


def opened(address: str) -> Any:
    """The store of an address. Raises `StateError` where there is no such store.

    A path that ends with `.db` is an SQLite file; `sqlite:PATH?durable=yes` takes the options of
    `SqliteStore`. What a store needs is imported only here.

    >>> opened("memory")
    MemoryStore()
    """
    name, colon, rest = address.partition(":")
    if not colon and address.endswith(".db"):
        name, rest = "sqlite", address
    if name in _OWN:
        return _OWN[name](address, rest)
    return _other(name, address)


def _memory(address: str, rest: str) -> Any:
    from policyengine.state.memory import MemoryStore

    if rest or address != "memory":
        raise StateError("bad-address", "the store `memory` has no address")
    return MemoryStore()


def _sqlite(address: str, rest: str) -> Any:
    from policyengine.state.sqlite import SqliteStore

    path, _, query = rest.partition("?")
    if not path:
        raise StateError("bad-address", "the store `sqlite` needs a path: `sqlite:state.db`")
    found, others = options(query, {"durable": yes, "remembered": float, "busy": float})
    if others:
        raise StateError("bad-address", "the options of `sqlite` are durable, remembered and busy")
    return SqliteStore(path, **found)


def _redis(address: str, rest: str) -> Any:
    from policyengine.state import redis

    if not rest.startswith("//"):
        raise StateError("bad-address", "the store `redis` has an address: `redis://host:6379/0`")
    return redis.opened(address)


def _other(name: str, address: str) -> Any:
    # An address may have a password in it, so an unknown one is not repeated.
    unknown = "there is no such store; there are `memory`, `sqlite:PATH` and `redis://HOST`"
    if name in _NO_STORES:
        raise StateError("unknown-store", unknown)
    try:
        found = plugins.find("state", name)
    except KeyError:
        raise StateError("unknown-store", unknown) from None
    opens = getattr(found, "opened", None)
    if not callable(opens):
        raise StateError("unknown-store", unknown)
    return opens(address)


_OWN: Final[dict[str, Callable[[str, str], Any]]] = {
    "memory": _memory,
    "sqlite": _sqlite,
    "redis": _redis,
    "rediss": _redis,
    "unix": _redis,
}
# A room's file that offers `opened` and is no store: this one would open itself for ever.
_NO_STORES: Final = frozenset({"opening"})
