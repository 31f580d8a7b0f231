"""Asking a server over HTTP, bounded in time and size, and with nothing followed.

All questions run in one event loop in a thread of its own: there a time limit ends a request
wherever it stands, also where a server sends its headers letter by letter, and the parts of one
question are asked at the same time over kept connections.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from concurrent.futures import TimeoutError as FutureTimeout
from http.cookiejar import CookieJar, DefaultCookiePolicy
from threading import Thread
from typing import Any, Final

from policyengine.errors import FactError
from policyengine.guards._models.backend import (
    kept,
    lacking,
    left,
    malformed,
    strict_json,
    timed_out,
)
from policyengine.guards._models.permitted import Origin, key_for

MOST_ANSWER: Final = 1_000_000
"""Bytes of an answer; a longer one is an error."""
AT_ONCE: Final = 8
"""Requests of one question that are under way at the same time."""
_TRIES: Final = 2


def post_all(
    url: str, bodies: Sequence[Mapping[str, Any]], key_env: str | None, until: float
) -> list[Any]:
    """The answers to JSON bodies, in their order; each is the JSON that the server gave.

    A connection that breaks is tried once more. Raises `FactError`.
    """
    key = key_for(url, key_env)
    client = kept(("http", "client"), _client)
    _same_server(url)
    headers = {"Content-Type": "application/json", "Accept-Encoding": "identity"}
    if key is not None:
        headers["Authorization"] = f"Bearer {key}"
    seconds = left(until)
    contents = [json.dumps(body).encode("ascii") for body in bodies]
    loop = kept(("http", "loop"), _loop)
    work = _all(client, url, headers, contents, seconds)
    doing = asyncio.run_coroutine_threadsafe(work, loop)
    try:
        # The work ends by itself; the second is for a loop that is late.
        return doing.result(seconds + 1)
    except FutureTimeout:
        doing.cancel()
        raise timed_out() from None


def _same_server(url: str) -> None:
    """Holds what was allowed to what will be asked: two readers of URLs may differ."""
    import httpx

    try:
        read = httpx.URL(url)
        port = read.port or {"http": 80, "https": 443}.get(read.scheme, 0)
        same = Origin(read.scheme, read.host, port) == Origin.of(url)
    except (httpx.InvalidURL, ValueError):
        same = False
    if not same:
        raise FactError("model-not-allowed", "the URL can be read in two ways")


def _loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    Thread(target=loop.run_forever, name="policyengine-models", daemon=True).start()
    return loop


def _client() -> Any:
    try:
        import httpx
    except ImportError:
        raise lacking("httpx", "install the extra `models`") from None
    return httpx.AsyncClient(
        follow_redirects=False,
        limits=httpx.Limits(max_connections=64, max_keepalive_connections=16),
        # No server may leave something with us that is sent with the next text.
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
    )


async def _all(
    client: Any, url: str, headers: Mapping[str, str], contents: Sequence[bytes], seconds: float
) -> list[Any]:
    gate = asyncio.Semaphore(AT_ONCE)
    asked = [
        asyncio.ensure_future(_gated(gate, client, url, headers, content, seconds))
        for content in contents
    ]
    try:
        async with asyncio.timeout(seconds):
            return await asyncio.gather(*asked)
    except TimeoutError:
        raise timed_out() from None
    finally:
        for task in asked:
            task.cancel()
        # Each has ended before the answer is given, so none holds a connection.
        await asyncio.gather(*asked, return_exceptions=True)


async def _gated(gate: asyncio.Semaphore, *request: Any) -> Any:
    async with gate:
        return await _one(*request)


async def _one(
    client: Any, url: str, headers: Mapping[str, str], content: bytes, seconds: float
) -> Any:
    import httpx

    for attempt in range(1, _TRIES + 1):
        try:
            return await _answer(client, url, headers, content, seconds)
        except httpx.TimeoutException:
            raise timed_out() from None
        except (httpx.NetworkError, httpx.RemoteProtocolError) as error:
            if attempt == _TRIES:
                raise _failed(url, f"could not be reached ({type(error).__name__})") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise _failed(url, f"could not be asked ({type(error).__name__})") from None
    raise AssertionError("the last attempt returns or raises")


async def _answer(
    client: Any, url: str, headers: Mapping[str, str], content: bytes, seconds: float
) -> Any:
    asked = client.stream("POST", url, headers=headers, content=content, timeout=seconds)
    async with asked as response:
        if response.status_code != 200:
            raise _failed(url, f"answered {response.status_code}")
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise malformed("the model's answer is encoded, which was not asked for")
        body = bytearray()
        async for part in response.aiter_raw():
            body += part
            if len(body) > MOST_ANSWER:
                raise malformed(f"the model's answer has more than {MOST_ANSWER:,} bytes")
    try:
        return strict_json(bytes(body))
    except ValueError:
        raise malformed("the model's answer is no JSON") from None


def _failed(url: str, what: str) -> FactError:
    return FactError("model-failed", f"`{Origin.of(url).host}` {what}")
