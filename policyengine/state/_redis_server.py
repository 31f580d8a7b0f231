"""A Redis server as the store `redis` calls it: lazily, with time limits, and without its secrets.

INVARIANT: no error names a key, a value or a password. What redis-py says may quote them, so it is
not even kept as a cause.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from threading import Lock
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

from policyengine.errors import StateError
from policyengine.state._redis_scripts import Script

# Seconds before a call that failed twice is tried again, doubled each time: a server that restarts
# is not asked by all gateways at one moment.
_PAUSE: Final = 0.01
_LONGEST_PAUSE: Final = 0.1
# As many calls may be under way at once.
_CONNECTIONS: Final = 4096
_NO_ADDRESS: Final = "this is no address of a Redis server"


class Server:
    """Calls to the server of an address, or to that of a client that `connect` makes.

    Threads may share it, and a forked process connects anew. `timeout` is for connecting and for
    each answer, in seconds; `retries` is how often a call that may be repeated is tried again.
    """

    def __init__(
        self,
        address: str,
        *,
        cluster: bool,
        timeout: float,
        retries: int,
        connect: Callable[[], Any] | None,
    ) -> None:
        redis = _redis()
        self.shown = _shown(address)
        if connect is None:
            try:
                redis.connection.parse_url(address)
            except ValueError:
                raise StateError("bad-address", _NO_ADDRESS) from None
        self._address = address
        self._cluster = cluster
        self._timeout = timeout
        self._connect = connect
        self._errors = errors = redis.exceptions
        self._known = (errors.RedisError, OSError)
        self._lost = (errors.ConnectionError, errors.TimeoutError)
        self._refused = (
            errors.AuthenticationError,
            errors.AuthorizationError,
            errors.NoPermissionError,
        )
        pauses = redis.backoff.EqualJitterBackoff(_LONGEST_PAUSE, _PAUSE)
        self._retry = redis.retry.Retry(pauses, retries - 1, self._lost) if retries > 0 else None
        self._lock = Lock()
        self._lines: _Lines | None = None
        self._process = 0

    def run(
        self, script: Script, keys: Sequence[bytes], words: Sequence[bytes], *, again: bool = True
    ) -> Any:
        """The answer of a script, which a server that does not know it is told.

        `again` says whether it may be run twice where the answer was lost. Raises `StateError`.
        """
        count = b"%d" % len(keys)
        try:
            return self.ask(b"EVALSHA", script.name, count, *keys, *words, again=again)
        except _UnknownScriptError:
            # The server was restarted, or another one has taken its place. It remembers what it is
            # told here.
            return self.ask(b"EVAL", script.source, count, *keys, *words, again=again)

    def ask(self, *words: bytes, again: bool = True) -> Any:
        """The answer to a command. Raises `StateError`."""
        try:
            lines = self._opened()
            line = lines.take(again)
            try:
                return line.ask(words)
            except self._lost as error:
                # Mostly a connection that the server had closed: at once, and only then with
                # pauses, on the same line, which connects anew.
                if not (again and self._retry and self._may_help(error)):
                    raise
                return self._retry.call_with_retry(
                    lambda: line.ask(words), lambda error: None, self._may_help
                )
            finally:
                lines.give(line)
        except self._errors.NoScriptError:
            raise _UnknownScriptError from None
        except self._known as error:
            raise self._told(error) from None

    def keys(self, pattern: str) -> Iterator[bytes]:
        """The keys of a pattern, on all nodes. Raises `StateError`."""
        try:
            yield from self._opened().client.scan_iter(match=pattern, count=1000)
        except self._known as error:
            raise self._told(error) from None

    def close(self) -> None:
        """Lets go of all connections. The next call opens new ones."""
        with self._lock:
            lines, self._lines = self._lines, None
            if lines is not None and self._process == os.getpid():
                lines.client.close()

    def _opened(self) -> _Lines:
        lines = self._lines
        # INVARIANT: a connection is never used in a process that did not open it.
        if lines is not None and self._process == os.getpid():
            return lines
        with self._lock:
            if self._lines is None or self._process != os.getpid():
                client = self._connect() if self._connect is not None else self._client()
                pool = getattr(client, "connection_pool", None)
                self._lines = _Routed(client) if pool is None else _Direct(client, pool)
                self._process = os.getpid()
            return self._lines

    def _client(self) -> Any:
        redis = _redis()
        options: dict[str, Any] = {
            "socket_timeout": self._timeout,
            "socket_connect_timeout": self._timeout,
            "decode_responses": False,
            "protocol": 2,
            "max_connections": _CONNECTIONS,
            # Only `ask` tries again, which knows what may be repeated.
            "retry": redis.retry.Retry(redis.backoff.NoBackoff(), 0),
        }
        kind = redis.RedisCluster if self._cluster else redis.Redis
        try:
            return kind.from_url(self._address, **options)
        except (ValueError, TypeError):
            # An option that redis-py knows and has no such value.
            raise StateError("bad-address", _NO_ADDRESS) from None

    def _may_help(self, error: Exception) -> bool:
        """Whether trying again may help: a login that was refused stays refused."""
        return not isinstance(error, self._refused)

    def _told(self, error: Exception) -> StateError:
        """What went wrong, without anything that was sent."""
        errors, kind = self._errors, type(error).__name__
        if isinstance(error, self._refused):
            return StateError("store-failed", f"{self.shown} refused the login ({kind})")
        if isinstance(error, (*self._lost, errors.ClusterError, errors.RedisClusterException)):
            return StateError("store-unreachable", f"{self.shown} could not be reached ({kind})")
        if isinstance(error, errors.OutOfMemoryError):
            return StateError("store-full", f"{self.shown} is full")
        if isinstance(error, errors.ReadOnlyError):
            # It is a replica now: the name is looked up anew next time.
            self.close()
        return StateError("store-failed", f"{self.shown} failed ({kind})")


class _UnknownScriptError(Exception):
    """The server does not know a script by its name."""


class _Line(Protocol):
    """What one call at a time is made on."""

    def ask(self, words: Sequence[bytes]) -> Any:
        """The answer to a command; where it is lost, the next call connects anew."""


class _Lines(Protocol):
    """What calls are made on."""

    client: Any

    def take(self, again: bool) -> _Line:
        """A line for a call, which has to be seen to be open where none may be repeated."""

    def give(self, line: _Line) -> None:
        """Gives a line back."""


class _Direct:
    """The connections of a client to one server.

    A client of redis-py spends as much time on a call as the server and the network together. What
    makes a connection, logs in, encrypts it and reads answers is redis-py's here too.
    """

    def __init__(self, client: Any, pool: Any) -> None:
        self.client = client
        self._pool = pool
        # Threads take and give the last one, which is one step of Python's.
        self._idle: list[_Connection] = []

    def take(self, again: bool) -> _Line:
        """A connection that nobody uses."""
        try:
            line = self._idle.pop()
        except IndexError:
            return _Connection(self._pool.get_connection())
        if not again:
            line.look()
        return line

    def give(self, line: _Line) -> None:
        """Keeps a connection for the next call."""
        assert isinstance(line, _Connection)
        self._idle.append(line)


class _Connection:
    __slots__ = ("_connection",)

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def ask(self, words: Sequence[bytes]) -> Any:
        """The answer to a command."""
        packed = [b"*%d\r\n" % len(words)]
        packed += [b"$%d\r\n%b\r\n" % (len(word), word) for word in words]
        connection = self._connection
        try:
            connection.send_packed_command((b"".join(packed),), check_health=False)
            return connection.read_response()
        except BaseException as error:
            # INVARIANT: no answer is read for another command than its own, whatever interrupted
            # this one. An error that the server answered is an answer.
            if not isinstance(error, _redis().exceptions.ResponseError):
                connection.disconnect()
            raise

    def look(self) -> None:
        """Lets go of a connection that the server has closed; the next call makes a new one."""
        errors = _redis().exceptions
        try:
            closed = self._connection.can_read()
        except (errors.ConnectionError, errors.TimeoutError, OSError):
            closed = True
        if closed:
            self._connection.disconnect()


class _Routed:
    """A client of a cluster, which finds the node of a key, and has its own connections."""

    def __init__(self, client: Any) -> None:
        self.client = client

    def take(self, again: bool) -> _Line:
        """The client itself."""
        return self

    def give(self, line: _Line) -> None:
        """Nothing was taken."""

    def ask(self, words: Sequence[bytes]) -> Any:
        """The answer to a command."""
        return self.client.execute_command(words[0].decode(), *words[1:])


def _shown(address: str) -> str:
    """An address without name, password and options.

    >>> _shown("rediss://sam:secret@example.com:6380/1?password=secret")
    'rediss://example.com:6380/1'
    >>> _shown("redis://sam:sec/ret@example.com")
    'redis://...'
    """
    try:
        parts = urlsplit(address)
    except ValueError:
        raise StateError("bad-address", _NO_ADDRESS) from None
    if "@" in f"{parts.path}{parts.query}{parts.fragment}":
        # A password with a sign in it that ends the host.
        return f"{parts.scheme}://..."
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _redis() -> Any:
    try:
        import redis
    except ImportError:
        why = "the store `redis` needs the package `redis`: install policyengine with `redis`"
        raise StateError("no-redis", why) from None
    return redis
