"""The vault: tokens that stand for texts, and the texts, encrypted, in a store.

    vault = Vault(SqliteStore("vault.db"), keys={"2026": key}, tenant="acme", ttl=86_400)
    engine = Engine(program, vault=vault)      # `redact: token` gives [tok_EMAIL_ADDRESS_...]
    vault.detokenise(answer).text              # the answer with the texts again

A token is 128 random bits. Under it lies the text, encrypted with AES-256-GCM (NIST SP 800-38D)
under a key of its own, derived from the host's key and the token, so that no nonce is ever used
twice; tenant, type and token are authenticated with it. A second row leads from an HMAC of the text
to the token, so that one text has one token, and can be forgotten.
"""

from __future__ import annotations

import base64
import hmac
import re
import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from policyengine.errors import StateError
from policyengine.state.keys import Keys
from policyengine.state.store import Row, Store

DAY: Final = 86_400
MAX_TEXT: Final = 200_000

# The type is bounded, so each `[tok_` is looked at a bounded number of times.
_TOKEN: Final = re.compile(r"\[tok_([A-Z0-9_]{1,64})_([a-z2-7]{26})\]")
# The beginning of a token, and the most characters of one.
_BEGUN: Final = re.compile(r"\[(?:t(?:o(?:k(?:_[A-Za-z0-9_]*)?)?)?)?\Z")
_LONGEST: Final = len("[tok_" + "_" + "]") + 64 + 26
_UNNAMED: Final = re.compile(r"[^A-Z0-9_]")
_NONCE: Final = 12


class Restored(NamedTuple):
    """A text with what its tokens stand for, how many did, and those that stand for nothing."""

    text: str
    restored: int
    unknown: tuple[str, ...]


class Restoring:
    """A text that comes in pieces, with its tokens turned back: what may be a token is held back.

    `unknown` are the tokens so far that stand for nothing.
    """

    def __init__(self, vault: Vault) -> None:
        self.unknown: dict[str, None] = {}
        self._vault = vault
        self._held = ""

    def feed(self, text: str) -> str:
        """The text that is complete now. Raises `StateError` where the store fails."""
        text = self._held + text
        at = text.rfind("[", max(len(text) - _LONGEST, 0))
        cut = at if at >= 0 and _BEGUN.match(text, at) else len(text)
        self._held = text[cut:]
        return self._restored(text[:cut])

    def close(self) -> str:
        """The rest of the text. Raises `StateError` where the store fails."""
        held, self._held = self._held, ""
        return self._restored(held)

    def _restored(self, text: str) -> str:
        found = self._vault.detokenise(text)
        self.unknown.update(dict.fromkeys(found.unknown))
        return found.text


class Vault:
    """Tokens of one tenant. Threads may share it, and processes through their store.

    `keys` as in `Engine`; `ttl` is how many seconds a token lives after it was last given, None
    for ever. Tokens of another tenant are unknown, even in the same store. Raises `StateError`
    without a key, and without the package `cryptography`.

    >>> from policyengine.state.memory import MemoryStore
    >>> vault = Vault(MemoryStore(), keys={"k": bytes(range(32))})
    >>> token = vault.token("EMAIL_ADDRESS", "ada@example.com")
    >>> token[:19], vault.token("EMAIL_ADDRESS", "ada@example.com") == token
    ('[tok_EMAIL_ADDRESS_', True)
    >>> vault.detokenise(f"Write to {token}!").text
    'Write to ada@example.com!'
    """

    def __init__(
        self,
        store: Store,
        *,
        keys: Mapping[str, bytes] | None = None,
        tenant: str = "",
        ttl: float | None = 30 * DAY,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._cipher: Any = _cipher()
        self._store = store
        self._keys = Keys.from_environment() if keys is None else Keys(keys)
        # Without a key nothing can be kept: better to hear of it now.
        self._keys.first  # noqa: B018
        self._tenant = tenant
        self._space = f"vault/{tenant}"
        self._ttl = ttl
        self._clock = clock

    def token(self, kind: str, text: str) -> str:
        """The token of a text, the same one while it lives. Raises `StateError`."""
        if len(text) > MAX_TEXT:
            raise StateError("too-long", f"a token stands for {MAX_TEXT:,} characters at most")
        kind = _named(kind)
        now = self._clock()
        for name in self._keys:
            known = self._known(kind, text, self._place(kind, text, name), now)
            if known is not None:
                return f"[tok_{kind}_{known}]"
        made = base64.b32encode(secrets.token_bytes(16)).decode().rstrip("=").lower()
        expires = None if self._ttl is None else now + self._ttl
        # The text first: there must be no moment in which the token leads nowhere.
        self._store.put(self._space, made, Row(self._sealed(kind, made, text), expires))
        place = self._place(kind, text, self._keys.first)
        kept = self._store.add(self._space, place, Row(made.encode(), expires), now)
        if kept.value != made.encode():
            # Another process was faster.
            self._store.delete(self._space, made)
        return f"[tok_{kind}_{kept.value.decode()}]"

    def detokenise(self, text: str) -> Restored:
        """A text with its tokens turned back. Raises `StateError` where the store fails.

        Tokens that are unknown, over, or of another tenant stay as they are, and are told.
        """
        now = self._clock()
        parts: list[str] = []
        unknown: dict[str, None] = {}
        at = count = 0
        for match in _TOKEN.finditer(text):
            found = self._opened(match[1], match[2], now)
            if found is None:
                unknown[match[0]] = None
                continue
            parts += [text[at : match.start()], found]
            at = match.end()
            count += 1
        return Restored("".join([*parts, text[at:]]), count, tuple(unknown))

    def restoring(self) -> Restoring:
        """`detokenise` for a text that comes in pieces."""
        return Restoring(self)

    def forget(self, token: str) -> bool:
        """Erases what a token stands for; whether there was anything. Raises `StateError`."""
        match = _TOKEN.fullmatch(token)
        if match is None:
            return False
        text = self._opened(match[1], match[2], self._clock())
        for name in self._keys if text is not None else ():
            self._store.delete(self._space, self._place(match[1], text or "", name))
        return self._store.delete(self._space, match[2])

    def forget_text(self, kind: str, text: str) -> bool:
        """Erases a text and its token; whether it was there. Raises `StateError`."""
        kind, found = _named(kind), False
        for name in self._keys:
            row = self._store.get(self._space, self._place(kind, text, name), self._clock())
            if row is not None:
                token = row.value.decode("ascii", "replace")
                found = self.forget(f"[tok_{kind}_{token}]") or found
        return found

    def purge(self) -> int:
        """Erases what is over, of all tenants in the store; how many rows. Raises `StateError`."""
        return self._store.purge(self._clock())

    def __repr__(self) -> str:
        return f"Vault({self._store!r}, {self._keys!r})"

    def _known(self, kind: str, text: str, place: str, now: float) -> str | None:
        """The token at a place, if it lives; its life begins anew when half of it is over."""
        row = self._store.get(self._space, place, now)
        if row is None:
            return None
        token = row.value.decode("ascii", "replace")
        # INVARIANT: a place that was changed leads to no token of another text.
        if self._opened(kind, token, now) != text:
            self._store.delete(self._space, place)
            return None
        if self._ttl is not None and (row.expires is None or row.expires < now + self._ttl / 2):
            self._store.extend(self._space, token, now + self._ttl)
            self._store.extend(self._space, place, now + self._ttl)
        return token

    def _place(self, kind: str, text: str, name: str) -> str:
        message = f"{len(kind)}:{kind}:{text}".encode("utf-8", "surrogatepass")
        key = self._keys.derived(f"vault/place/{self._tenant}", name)
        return f"#{hmac.new(key, message, 'sha256').hexdigest()}"

    def _sealed(self, kind: str, token: str, text: str) -> bytes:
        name = self._keys.first
        nonce = secrets.token_bytes(_NONCE)
        data = text.encode("utf-8", "surrogatepass")
        sealed: bytes = self._cipher(self._key(token, name)).encrypt(
            nonce, data, self._around(kind, token)
        )
        return bytes([len(name)]) + name.encode() + nonce + sealed

    def _opened(self, kind: str, token: str, now: float) -> str | None:
        row = self._store.get(self._space, token, now)
        if row is None:
            return None
        try:
            start = 1 + row.value[0]
            cipher = self._cipher(self._key(token, row.value[1:start].decode()))
            nonce, sealed = row.value[start : start + _NONCE], row.value[start + _NONCE :]
            data: bytes = cipher.decrypt(nonce, sealed, self._around(kind, token))
        # A row that was changed, or sealed with a key that is gone, is as good as none.
        except (_invalid_tag(), IndexError, ValueError, StateError):
            return None
        return data.decode("utf-8", "surrogatepass")

    def _key(self, token: str, name: str) -> bytes:
        return self._keys.derived(f"vault/text/{self._tenant}/{token}", name)

    def _around(self, kind: str, token: str) -> bytes:
        return f"{len(self._tenant)}:{self._tenant}:{kind}:{token}".encode()


def _named(kind: str) -> str:
    return _UNNAMED.sub("_", kind.upper()[:64]) or "UNKNOWN"


def _cipher() -> Any:
    try:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    except ImportError:
        why = "the vault needs the package `cryptography`: install policyengine with `vault`"
        raise StateError("no-cryptography", why) from None
    return AESGCM


def _invalid_tag() -> type[Exception]:
    from cryptography.exceptions import InvalidTag

    return InvalidTag
