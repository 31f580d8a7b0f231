"""A Redis server as the store `redis` calls it: lazily, with time limits, and without its secrets.

INVARIANT: no error names a key, a value or a password. What redis-py says may quote them, so it is
not even kept as a cause.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import Any, Final
from urllib.parse import urlsplit

from policyengine.errors import StateError
from policyengine.state._redis_scripts import Script

# Seconds before a call that failed is tried again, doubled each time: a server that restarts or
# fails over is not asked by all gateways at one moment.
_PAUSE: Final = 0.01
_LONGEST_PAUSE: Final = 0.1

Key = str | bytes
Word = str | bytes | int | float


class Server:
    """Calls to the server of an address, or to that of clients that `connect` makes.

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
        self._address = address
        self._cluster = cluster
        self._timeout = timeout
        self._connect = connect
        self._errors: Any = redis.exceptions
        self._retry: Any = redis.retry.Retry(
            redis.backoff.EqualJitterBackoff(_LONGEST_PAUSE, _PAUSE),
            retries,
            (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError),
        )
        self._lock = Lock()
        self._client: Any = None
        self._process = 0

    def run(
        self, script: Script, keys: Sequence[Key], arguments: Sequence[Word], *, again: bool = True
    ) -> Any:
        """The answer of a script, which a server that does not know it is told.

        `again` says whether it may be run twice where the answer was lost. Raises `StateError`.
        """
        words = (len(keys), *keys, *arguments)
        with self._told():
            client = self.client()
            try:
                return self._asked(client, again, "EVALSHA", script.name, *words)
            except self._errors.NoScriptError:
                # The server was restarted, or another one has taken its place. It remembers what
                # it is told here.
                return self._asked(client, again, "EVAL", script.source, *words)

    def ask(self, *words: Word) -> Any:
        """The answer to a command that may be repeated. Raises `StateError`."""
        with self._told():
            return self._asked(self.client(), True, *words)

    def keys(self, pattern: str) -> Iterator[bytes]:
        """The keys of a pattern, on all nodes. Raises `StateError`."""
        with self._told():
            yield from self.client().scan_iter(match=pattern, count=1000)

    def client(self) -> Any:
        """The client of redis-py, which keeps a pool of connections."""
        # INVARIANT: a connection is never used in a process that did not open it.
        if self._client is None or self._process != os.getpid():
            with self._lock:
                if self._client is None or self._process != os.getpid():
                    self._client = self._opened()
                    self._process = os.getpid()
        return self._client

    def close(self) -> None:
        """Lets go of all connections. The next call opens new ones."""
        with self._lock:
            client, self._client = self._client, None
            if client is not None and self._process == os.getpid():
                client.close()

    def _opened(self) -> Any:
        if self._connect is not None:
            return self._connect()
        redis = _redis()
        options: dict[str, Any] = {
            "socket_timeout": self._timeout,
            "socket_connect_timeout": self._timeout,
            "decode_responses": False,
            "protocol": 2,
        }
        try:
            if self._cluster:
                return redis.RedisCluster.from_url(self._address, **options)
            # Only `_asked` tries again, which knows what may be repeated.
            never = redis.retry.Retry(redis.backoff.NoBackoff(), 0)
            return redis.Redis.from_url(self._address, retry=never, **options)
        except (ValueError, TypeError):
            raise StateError("bad-address", "this is no address of a Redis server") from None

    def _asked(self, client: Any, again: bool, *words: Word) -> Any:
        if not again:
            return client.execute_command(*words)
        return self._retry.call_with_retry(
            lambda: client.execute_command(*words), lambda error: None, self._may_help
        )

    def _may_help(self, error: Exception) -> bool:
        """Whether trying again may help: a login that was refused stays refused."""
        errors = self._errors
        return not isinstance(error, errors.AuthenticationError | errors.AuthorizationError)

    @contextmanager
    def _told(self) -> Iterator[None]:
        errors = self._errors
        try:
            yield
        except (errors.AuthenticationError, errors.AuthorizationError, errors.NoPermissionError):
            why = f"{self.shown} refused the login"
            raise StateError("store-failed", why) from None
        except (errors.ConnectionError, errors.TimeoutError, errors.ClusterError) as error:
            why = f"{self.shown} could not be reached ({type(error).__name__})"
            raise StateError("store-unreachable", why) from None
        except errors.OutOfMemoryError:
            raise StateError("store-full", f"{self.shown} is full") from None
        except (errors.RedisError, OSError) as error:
            if isinstance(error, errors.ReadOnlyError):
                # It is a replica now: the name is looked up anew next time.
                self.close()
            why = f"{self.shown} failed ({type(error).__name__})"
            raise StateError("store-failed", why) from None


def _shown(address: str) -> str:
    """An address without name, password and options.

    >>> _shown("rediss://sam:secret@example.com:6380/1?password=secret")
    'rediss://example.com:6380/1'
    """
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _redis() -> Any:
    try:
        import redis
    except ImportError:
        why = "the store `redis` needs the package `redis`: install policyengine with `redis`"
        raise StateError("no-redis", why) from None
    return redis
