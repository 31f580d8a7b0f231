"""What proves or refutes that a text is a secret: check sums, entropy, and marks of an example."""

from __future__ import annotations

import binascii
import json
import math
from base64 import urlsafe_b64decode
from collections import Counter
from typing import Final

_BASE62: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
# A random text of letters and digits has more different characters than one in three, up to 8.
_LEAST_DIFFERENT: Final = 8
# What stands in documentation instead of a secret.
_PLACEHOLDERS: Final = (
    "xxxx", "****", "...", "000000", "1234567", "abcdefgh", "your_", "your-", "your ", "example",
    "changeme", "change_me", "change-me", "placeholder", "redacted", "dummy", "sample", "insert",
    "todo", "fixme", "<", "{{", "${", "$(", "%(", "process.env", "os.environ", "getenv",
)  # fmt: skip
_EMPTY: Final = frozenset(
    {"none", "null", "true", "false", "undefined", "password", "secret", "token", "string"}
)


def anything(_: str) -> bool:
    """What needs no proof."""
    return True


def is_no_placeholder(secret: str) -> bool:
    """Whether a text is none of those that stand in for a secret.

    >>> is_no_placeholder("${DB_PASSWORD}"), is_no_placeholder("wHx71!pq")
    (False, True)
    """
    lower = secret.lower()
    return (
        len(set(lower)) > 2
        and lower not in _EMPTY
        and not any(mark in lower for mark in _PLACEHOLDERS)
    )


def is_varied(secret: str) -> bool:
    """Whether a text could be random: neither a placeholder nor the same few characters again.

    >>> is_varied("AKIAIOSFODNN7EXAMPLE"), is_varied("AKIA2E0A8F3B244C9986")
    (False, True)
    """
    different = len(set(secret)) >= min(_LEAST_DIFFERENT, len(secret) // 3)
    return different and is_no_placeholder(secret)


def is_github(token: str) -> bool:
    """Whether the last 6 characters are the CRC-32 of those behind the prefix, in base 62.

    GitHub describes it in "Behind GitHub's new authentication token formats" (2021); npm uses the
    same.

    >>> is_github("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"), is_github("ghp_" + "A" * 36)
    (True, False)
    """
    body = token.partition("_")[2]
    number = binascii.crc32(body[:-6].encode())
    digits = ""
    while number:
        number, digit = divmod(number, 62)
        digits = _BASE62[digit] + digits
    return digits.rjust(6, "0") == body[-6:]


def is_jwt(token: str) -> bool:
    """Whether the first part is a JOSE header (RFC 7515): JSON that names an algorithm.

    >>> is_jwt("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln"), is_jwt("eyJhbGciOi.eyJzdWIi.c2ln")
    (True, False)
    """
    head = token.partition(".")[0]
    try:
        header = json.loads(urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    except (ValueError, RecursionError):
        return False
    return isinstance(header, dict) and "alg" in header


def entropy(text: str) -> float:
    """Shannon's entropy of the characters of a text, in bits for each.

    >>> entropy("aaaa"), entropy("abcd")
    (0.0, 2.0)
    """
    total = len(text)
    return sum(-n / total * math.log2(n / total) for n in Counter(text).values()) if text else 0.0
