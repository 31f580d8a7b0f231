"""The ledgers that this room's shared tests hold to the contract of `policyengine.state.store`.

A store joins them with one entry of `LEDGERS`. What opens it gets pytest's request, so that it may
ask for fixtures of its own (`request.getfixturevalue`) or skip, and a name: two calls with one name
open the same ledger as two processes would (a ledger in memory is only ever opened once), and a new
name is a ledger that holds nothing.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from policyengine.state.leases import LeasedStore
from policyengine.state.memory import MemoryStore
from policyengine.state.sqlite import SqliteStore
from policyengine.state.store import REMEMBERED

BINARY = shutil.which("redis-server")
# The server ends when the pipe does, whatever became of the run that held its other end.
_WATCHED = 'redis-server "$@" >/dev/null 2>&1 & echo $!; cat >/dev/null; kill -9 $! 2>/dev/null'


class RedisServer:
    """A server on a socket in a folder of its own, or on a port, with options of redis.conf."""

    def __init__(self, *options: str, port: int = 0) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="pe-redis-"))
        self.port = port
        self.address = f"redis://127.0.0.1:{port}/0" if port else f"unix://{self.folder}/s"
        self._options = options
        self._shell: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Start it, with what it has on its disk, and wait until it answers."""
        words = ["--dir", str(self.folder), "--port", str(self.port), "--save", ""]
        words += ["--unixsocket", str(self.folder / "s"), "--daemonize", "no", *self._options]
        self._shell = subprocess.Popen(
            ["sh", "-c", _WATCHED, "sh", *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self._shell.stdout is not None
        self._pid = int(self._shell.stdout.readline())
        end = time.monotonic() + 20
        while b"PONG" not in self._said():
            assert time.monotonic() < end, "redis-server does not answer"
            time.sleep(0.01)

    def _said(self) -> bytes:
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(5)
                connection.connect(str(self.folder / "s"))
                connection.sendall(b"PING\r\n")
                said = connection.recv(100)
                # One that wants a password, or still reads its file, is there too.
                return b"PONG" if said.startswith(b"-NOAUTH") else said
        except OSError:
            return b""

    def stop(self, number: int = signal.SIGTERM) -> None:
        """Stop it as an operator does, or kill it."""
        if self._shell is None:
            return
        os.kill(self._pid, number)
        end = time.monotonic() + 20
        while self._said() or ((self.folder / "s").exists() and number == signal.SIGTERM):
            assert time.monotonic() < end, "redis-server does not stop"
            time.sleep(0.005)
        self._shell.communicate(timeout=20)
        self._shell = None

    def close(self) -> None:
        """Kill it, and remove all that it wrote."""
        self.stop(signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)


def _memory(request: pytest.FixtureRequest, name: str) -> MemoryStore:
    return MemoryStore()


def _leased(request: pytest.FixtureRequest, name: str) -> LeasedStore:
    """One gateway, which leases wherever it can."""
    terms = {"share": 1.0, "least": 1, "seconds": 1e6, "refused": 0.0, "remembered": REMEMBERED}
    return LeasedStore(MemoryStore(), **terms)


def _sqlite(request: pytest.FixtureRequest, name: str) -> SqliteStore:
    folder: Path = request.getfixturevalue("tmp_path")
    return SqliteStore(folder / f"{name}.db")


def _redis(request: pytest.FixtureRequest, name: str) -> Any:
    return _on_redis(request, name)


def _redis_spread(request: pytest.FixtureRequest, name: str) -> Any:
    return _on_redis(request, name, spread=True)


def _on_redis(request: pytest.FixtureRequest, name: str, **options: Any) -> Any:
    server: RedisServer = request.getfixturevalue("redis_server")
    from policyengine.state.redis import RedisStore

    # The shared tests move the time.
    return RedisStore(server.address, namespace=name, clock="caller", timeout=30, **options)


LEDGERS: dict[str, Callable[[pytest.FixtureRequest, str], Any]] = {
    "memory": _memory,
    "leased": _leased,
    "sqlite": _sqlite,
    "redis": _redis,
    "redis-spread": _redis_spread,
}
# Those that several processes can open at once.
SHARED = sorted(set(LEDGERS) - {"memory", "leased"})


@pytest.fixture(params=LEDGERS)
def opens(request: pytest.FixtureRequest) -> Iterator[Callable[[str], Any]]:
    """Opens a ledger of one kind by its name; all that were opened are closed in the end."""
    opened: list[Any] = []

    def open_one(name: str = "ledger") -> Any:
        opened.append(LEDGERS[request.param](request, name))
        return opened[-1]

    yield open_one
    for ledger in opened:
        ledger.close()


@pytest.fixture
def ledger(opens: Callable[[], Any]) -> Any:
    """An empty ledger of each kind."""
    return opens()


@pytest.fixture(scope="session")
def redis_binary() -> str:
    """The path of redis-server, or the test is skipped, visibly."""
    pytest.importorskip("redis", reason="the package redis is not installed")
    if BINARY is None:
        pytest.skip("redis-server is not installed")
    return BINARY


@pytest.fixture(scope="session")
def shared_redis(redis_binary: str) -> Iterator[RedisServer]:
    """A server that the tests of a worker share; use `redis_server`."""
    server = RedisServer("--appendonly", "no")
    yield server
    server.close()


@pytest.fixture
def redis_server(shared_redis: RedisServer) -> RedisServer:
    """An empty server that knows no script."""
    import redis

    with redis.Redis.from_url(shared_redis.address) as client:
        client.flushall()
        client.script_flush()
    return shared_redis


@pytest.fixture
def new_redis(redis_binary: str) -> Iterator[Callable[..., RedisServer]]:
    """Starts servers of a test's own, with options of redis.conf; they end with the test."""
    started: list[RedisServer] = []

    def start(*options: str, port: int = 0) -> RedisServer:
        started.append(RedisServer(*options, port=port))
        return started[-1]

    yield start
    for server in started:
        server.close()
