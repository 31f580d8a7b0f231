"""Stores by their addresses."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from policyengine import plugins
from policyengine.errors import StateError
from policyengine.state.opening import opened
from policyengine.state.store import Row

MEMORY_ALONE = """
import sys
from policyengine.state.opening import opened
store = opened("memory")
print(sorted(name for name in ("sqlite3", "redis", "cryptography") if name in sys.modules))
"""


def test_memory() -> None:
    store = opened("memory")
    assert repr(store) == "MemoryStore()"
    assert opened("memory") is not store


@pytest.mark.parametrize("form", ["sqlite:{}/state.db", "{}/state.db", "sqlite:{}/state"])
def test_sqlite(form: str, tmp_path: Path) -> None:
    store = opened(form.format(tmp_path))
    store.put("a", "k", Row(b"1"))
    store.close()
    assert [path.name for path in tmp_path.iterdir() if path.suffix in ("", ".db")]


def test_options_of_sqlite(tmp_path: Path) -> None:
    store = opened(f"sqlite:{tmp_path}/a.db?durable=yes&remembered=60&busy=0.5")
    assert store._remembered == 60.0
    assert [path.name for path in tmp_path.glob("*.db")] == ["a.db"]
    store.close()


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("redis://localhost", "RedisStore('redis://localhost', namespace='policyengine')"),
        (
            "rediss://sam:hunter2@example.com:6380/1?namespace=prod&spread=yes&timeout=0.5&clock=caller",
            "RedisStore('rediss://example.com:6380/1', namespace='prod')",
        ),
        ("redis://a,b", "RedisStore('redis://a,b', namespace='policyengine')"),
        ("unix:///run/redis/redis.sock?db=1", "RedisStore('unix:///run/redis/redis.sock', "
         "namespace='policyengine')"),
    ],
)  # fmt: skip
def test_redis(address: str, shown: str) -> None:
    pytest.importorskip("redis", reason="the package redis is not installed")
    assert repr(opened(address)) == shown


def test_a_socket_is_an_address(redis_server: Any) -> None:
    store = opened(f"{redis_server.address}?namespace=prod&timeout=30")
    store.put("s", "k", Row(b"v"))
    assert store.get("s", "k", 0.0) == Row(b"v")
    store.close()


def test_options_of_redis_are_those_of_the_store() -> None:
    pytest.importorskip("redis", reason="the package redis is not installed")
    store = opened("redis://h?spread=true&cluster=no&skew=9&remembered=60&retries=0&clock=server")
    assert (store._spread, store._skew, store._remembered) == (True, 9.0, 60.0)
    assert store._server._address == "redis://h"
    assert opened("redis://h?ssl_cert_reqs=none&db=2")._server._address.endswith("db=2")


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("", "unknown-store"),
        ("memcached://host", "unknown-store"),
        ("opening", "unknown-store"),
        ("opening:memory", "unknown-store"),
        ("vault:x", "unknown-store"),
        ("store", "unknown-store"),
        ("_redis_server:x", "unknown-store"),
        ("../../etc/passwd", "unknown-store"),
        ("memory:", "bad-address"),
        ("memory:x", "bad-address"),
        ("sqlite", "bad-address"),
        ("sqlite:", "bad-address"),
        ("sqlite:?durable=yes", "bad-address"),
        ("sqlite:a.db?durable=perhaps", "bad-address"),
        ("sqlite:a.db?mode=ro", "bad-address"),
        ("redis", "bad-address"),
        ("redis:localhost", "bad-address"),
        ("redis://h?clock=sundial", "bad-address"),
        ("redis://h?spread=perhaps", "bad-address"),
        ("redis://h?timeout=soon", "bad-address"),
        ("redis://h?namespace=a%7Bb", "bad-address"),
        ("redis://[h", "bad-address"),
        ("redis://h:port", "bad-address"),
        ("redis://h?db=first", "bad-address"),
    ],
)
def test_what_is_no_address(address: str, code: str) -> None:
    if address.startswith("redis://"):
        pytest.importorskip("redis", reason="the package redis is not installed")
    with pytest.raises(StateError) as raised:
        opened(address)
    assert raised.value.code == code


def test_an_unknown_address_is_not_repeated() -> None:
    with pytest.raises(StateError) as raised:
        opened("reddis://sam:hunter2@host")
    assert "hunter2" not in str(raised.value)


def test_a_store_of_somebody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = SimpleNamespace(opened=lambda address: f"theirs at {address}")
    entry = SimpleNamespace(load=lambda: theirs)

    def entries(group: str, name: str) -> list[SimpleNamespace]:
        return [entry] if (group, name) == ("policyengine.state", "theirs") else []

    monkeypatch.setattr(plugins, "entry_points", entries)
    assert opened("theirs://host") == "theirs at theirs://host"
    with pytest.raises(StateError):
        opened("others://host")


def test_nothing_is_imported_for_others() -> None:
    done = subprocess.run(
        [sys.executable, "-c", MEMORY_ALONE],
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"
