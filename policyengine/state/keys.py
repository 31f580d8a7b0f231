"""The host's secret keys, from which a key of its own is derived for each purpose.

Keys never stand in a bundle. A host hands them over, or sets `POLICYENGINE_KEY` to keys in
hexadecimal or base64, the newest first: `2026:vTf0...,2025:q83v...`, or one key without a name.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import os
import re
from collections.abc import Iterator, Mapping
from typing import Final

from policyengine.errors import StateError

VARIABLE: Final = "POLICYENGINE_KEY"
MIN_BYTES: Final = 16

_NAME = re.compile(r"[A-Za-z0-9._-]{1,32}")
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})+")


class Keys:
    """Secret keys by name; the first one is used for what is new, all of them for what is old.

    Raises `StateError` for names that are no plain words, and for keys shorter than 16 bytes.

    >>> keys = Keys({"2026": bytes(range(32)), "2025": bytes(32)})
    >>> keys, keys.first, len(keys.derived("pseudonym"))
    (Keys(2026, 2025), '2026', 32)
    """

    __slots__ = ("_keys",)

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        for name, key in keys.items():
            if not (isinstance(name, str) and _NAME.fullmatch(name)):
                message = "the name of a key is not 1 to 32 letters, digits, `.`, `_` and `-`"
                raise StateError("bad-key", message)
            if not isinstance(key, bytes) or len(key) < MIN_BYTES:
                raise StateError("bad-key", f"key `{name}` is not {MIN_BYTES} bytes or more")
        self._keys = dict(keys)

    @classmethod
    def from_environment(cls) -> Keys:
        """The keys in `POLICYENGINE_KEY`; none where it is not set. Raises `StateError`."""
        found: dict[str, bytes] = {}
        for part in os.environ.get(VARIABLE, "").split(","):
            name, _, text = part.strip().rpartition(":")
            if text:
                if (name or "default") in found:
                    raise StateError("bad-key", f"`{VARIABLE}` has two keys of one name")
                found[name or "default"] = _decoded(text)
        return cls(found)

    @property
    def first(self) -> str:
        """The name of the key for what is new. Raises `StateError` where there is no key."""
        for name in self._keys:
            return name
        message = f"there is no key: pass `Engine(keys=...)` or set {VARIABLE}"
        raise StateError("no-key", message)

    def derived(self, purpose: str, name: str | None = None) -> bytes:
        """32 bytes for a purpose, from the first key or the one of a name. Raises `StateError`.

        HMAC-SHA-256 as the expansion of HKDF (RFC 5869) with one block.
        """
        key = self._keys.get(self.first if name is None else name)
        if key is None:
            raise StateError("no-key", "the key that was used here is not there any more")
        return hmac.digest(key, f"policyengine/{purpose}\x01".encode(), "sha256")

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __repr__(self) -> str:
        return f"Keys({', '.join(self._keys)})"


def _decoded(text: str) -> bytes:
    if _HEX.fullmatch(text):
        return bytes.fromhex(text)
    plain = text.translate({ord("-"): "+", ord("_"): "/"}).rstrip("=")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise StateError("bad-key", f"`{VARIABLE}` is neither hexadecimal nor base64") from None
