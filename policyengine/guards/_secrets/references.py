"""What is given to a name such as `password` and is no secret: code, paths, words about it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

_IDENTIFIER: Final = re.compile(r"[A-Za-z_]\w*(?:(?:\.|->|::|\?\.)[A-Za-z_]\w*)*\Z", re.ASCII)
_DOTTED: Final = re.compile(
    r"(?:self|this|config|cfg|conf|settings|process|os|env|request|req|form|ctx|context|app|args"
    r"|options|opts|props|params|state|data|document|window|user|account|body|input|event|secrets"
    r"|credentials|vault|module|local|each)\b",
    re.ASCII,
)
_PATH: Final = re.compile(
    r"(?:~|\.{1,2})?(?:/[a-z0-9._\-]{1,64}){1,20}/?\Z"
    r"|[a-z0-9._\-]{1,64}(?:/[a-z0-9._\-]{1,64}){2,20}\Z"
    r"|[A-Za-z]:\\",
    re.ASCII,
)
# Letters and what joins words, without a digit.
_WORDS: Final = re.compile(r"[^\W\d_]+(?:[_.\-/|:\s][^\W\d_]+)*[_.\-]?\Z")
# `root:x:0:0`, YAML's tags, CSS's variables, rules of a form.
_OTHER: Final = re.compile(
    r"[x*!]:\d|!(?:[Vv]ault|[Rr]ef|[Ss]ub|[Gg]et[Aa]tt|[Ee]nv(?:_var)?|[Ss]ecret|[Ee]ncrypted)\b"
    r"|--[a-z]|required\b|nullable\b|[{\[<]|[a-z][a-z0-9+.\-]{1,20}://"
)
_ASKED: Final = re.compile(r"\?(?:\s|\Z)")
_GOES_ON: Final = re.compile(r"[ \t]{1,4}[^\W\d_]|[ \t]{1,4}\d{1,3}\b")


def is_reference(secret: str, names: Iterable[str]) -> bool:
    """Whether a value is said to be elsewhere: the path of a file, the name of a secret.

    >>> is_reference("/etc/ssl/shop.pem", ["key"]), is_reference("db-password", ["password"])
    (True, True)
    >>> is_reference("wHx71!pq", ["password"])
    False
    """
    if _PATH.match(secret) or _OTHER.match(secret):
        return True
    if _WORDS.match(secret):
        lower = secret.lower()
        return any(name in lower for name in names)
    return False


def is_code(secret: str, behind: str, names: Iterable[str]) -> bool:
    """Whether a value that stands in no quotes is an expression; `behind` follows it.

    >>> is_code("bcrypt.hash", "(pw)", ()), is_code("settings.DB_PASSWORD", "", ())
    (True, True)
    >>> is_code("hunter2", "", ())
    False
    """
    if not _IDENTIFIER.match(secret):
        return False
    if behind[:1] in ("(", "[") or _DOTTED.match(secret):
        return behind[:1] in ("(", "[") or any(mark in secret for mark in (".", "->", "::"))
    lower = secret.lower()
    return any(mark in secret for mark in "._") and any(name in lower for name in names)


def is_prose(behind: str) -> bool:
    """Whether a plain word is followed by more of a sentence, or asks.

    >>> is_prose(" 8 characters"), is_prose("?"), is_prose(", please")
    (True, True, False)
    """
    return _GOES_ON.match(behind) is not None or _ASKED.match(behind) is not None
