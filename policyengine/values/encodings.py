"""Base64: the functions of CEL's `encoders` extension."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from typing import Any, Final

from policyengine.values import failures
from policyengine.values.typed import MAX_SIZE

_BASE64: Final = re.compile(r"[A-Za-z0-9+/]*={0,2}")
_NEWLINES: Final = {ord("\n"): None, ord("\r"): None}


def base64_encode(value: Any) -> str:
    """`base64.encode(value)` with padding; raises `EvaluationError` (`too-large`).

    >>> base64_encode(b"hello")
    'aGVsbG8='
    """
    if value.__class__ is not bytes:
        raise failures.no_such_overload("base64.encode", value)
    if len(value) > MAX_SIZE // 4 * 3:
        raise failures.too_large("string", MAX_SIZE)
    return b64encode(value).decode("ascii")


def base64_decode(text: Any) -> bytes:
    """`base64.decode(text)` with or without padding; line ends are passed over.

    Raises `EvaluationError` (`bad-conversion`).

    >>> base64_decode("aGVsbG8="), base64_decode("aGVsbG8")
    (b'hello', b'hello')
    """
    if text.__class__ is not str:
        raise failures.no_such_overload("base64.decode", text)
    digits = text.translate(_NEWLINES) if "\n" in text or "\r" in text else text
    # Padding, where there is some, is complete.
    complete = len(digits) % 4 == 0 if digits[-1:] == "=" else len(digits) % 4 != 1
    if not complete or not _BASE64.fullmatch(digits):
        raise failures.bad_conversion("bytes", text, "not base64")
    return b64decode(digits + "=" * (-len(digits) % 4))
