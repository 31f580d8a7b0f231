"""What bundles may reach, which the host says and no bundle can.

Whoever may change a policy could otherwise send users' prompts, or a secret of the host, to any
server, or load any file as a model. So the host lists servers and folders in its environment:

    POLICYENGINE_MODEL_HOSTS="guard.internal GUARD_KEY, http://127.0.0.1:8000"
    POLICYENGINE_MODEL_PATH=/srv/models

An entry of the first is a server, which is reached by https unless it says `http://`, and behind
it the names of the variables whose values may be sent to it as a key. Nothing else is allowed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from policyengine.errors import FactError

HOSTS: Final = "POLICYENGINE_MODEL_HOSTS"
PATH: Final = "POLICYENGINE_MODEL_PATH"
_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Origin:
    """A server: how it is spoken to, its name in small letters, and its port."""

    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> Origin:
        """The server of a URL, or of a name with or without a port.

        Raises `ValueError` where it names none, or carries a user or a password.

        >>> Origin.of("Guard.internal"), Origin.of("http://[::1]:8000/v1").port
        (Origin(scheme='https', host='guard.internal', port=443), 8000)
        """
        wrong = "the URL names no server that can be asked by http or https"
        try:
            parts = urlsplit(url if "://" in url else f"https://{url}")
            port = parts.port
        except ValueError:
            raise ValueError(wrong) from None
        if parts.scheme not in _PORTS or not parts.hostname or "@" in parts.netloc:
            raise ValueError(wrong)
        return cls(parts.scheme, parts.hostname, port or _PORTS[parts.scheme])


def key_for(url: str, key_env: str | None) -> str | None:
    """The key that the server of a URL is sent, if the clause names one.

    Raises `FactError`: `model-not-allowed` where the host does not list the server, or not this
    key for it; `model-missing` where the variable is not set.
    """
    origin = Origin.of(url)
    keys = dict(_listed()).get(origin)
    if keys is None:
        why = f"`{origin.scheme}://{origin.host}:{origin.port}` is not listed in {HOSTS}"
        raise FactError("model-not-allowed", why)
    if key_env is None:
        return None
    if key_env not in keys:
        raise FactError("model-not-allowed", f"{HOSTS} lists no key `{key_env}` for `{url}`")
    key = os.environ.get(key_env, "")
    if not key or not key.isascii() or not key.isprintable():
        raise FactError("model-missing", f"the variable `{key_env}` holds no key")
    return key


def _listed() -> Iterator[tuple[Origin, frozenset[str]]]:
    found: dict[Origin, frozenset[str]] = {}
    for entry in os.environ.get(HOSTS, "").split(","):
        words = entry.split()
        if not words:
            continue
        try:
            origin = Origin.of(words[0])
        except ValueError:
            raise FactError("model-not-allowed", f"an entry of {HOSTS} is no server") from None
        found[origin] = found.get(origin, frozenset()).union(words[1:])
    yield from found.items()


def folder(name: str) -> Path:
    """The folder of a model, which lies in one that the host lists.

    Raises `FactError`: `model-not-allowed` or `model-missing`.
    """
    roots = [Path(root).resolve() for root in os.environ.get(PATH, "").split(os.pathsep) if root]
    if not roots:
        raise FactError("model-not-allowed", f"{PATH} is not set: no models from files are used")
    for root in roots:
        found = (root / name).resolve()
        if not found.is_relative_to(root):
            continue
        if found.is_dir():
            return found
    # Whether something exists outside is none of a policy author's business.
    raise FactError("model-missing", f"there is no folder `{name}` in {PATH}")
