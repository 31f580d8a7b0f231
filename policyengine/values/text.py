"""The string functions of CEL's `strings` extension. Positions count code points, from 0."""

from __future__ import annotations

import re
from typing import Any, Final

from policyengine.values import failures
from policyengine.values.typed import MAX_SIZE

# What Unicode calls White_Space. Python's own `strip` also takes U+001C to U+001F.
_SPACES: Final = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
_LOWER: Final = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
_UPPER: Final = {code: code - 32 for code in range(ord("a"), ord("z") + 1)}
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_ESCAPES: Final = str.maketrans(
    {
        "\a": "\\a",
        "\b": "\\b",
        "\f": "\\f",
        "\n": "\\n",
        "\r": "\\r",
        "\t": "\\t",
        "\v": "\\v",
        "\\": "\\\\",
        '"': '\\"',
    }
)


def char_at(text: Any, index: Any) -> str:
    """`text.charAt(index)`: one character, or the empty string right behind the last.

    Raises `EvaluationError` (`index-out-of-range`).

    >>> char_at("policy", 3), char_at("policy", 6)
    ('i', '')
    """
    if text.__class__ is not str or index.__class__ is not int:
        raise failures.no_such_overload("charAt", text, index)
    if not 0 <= index <= len(text):
        raise failures.index_out_of_range("string")
    return str(text[index : index + 1])


def index_of(text: Any, part: Any, start: Any = 0) -> int:
    """`text.indexOf(part, start)`: where the first occurrence from `start` on begins, or -1.

    Raises `EvaluationError` (`index-out-of-range`).

    >>> index_of("hello mellow", "ello"), index_of("hello mellow", "ello", 2)
    (1, 7)
    """
    if text.__class__ is not str or part.__class__ is not str or start.__class__ is not int:
        raise failures.no_such_overload("indexOf", text, part, start)
    if not 0 <= start <= len(text):
        raise failures.index_out_of_range("string")
    return int(text.find(part, start))


def last_index_of(text: Any, part: Any, last: Any = None) -> int:
    """`text.lastIndexOf(part, last)`: where the last occurrence begins that does so by `last`.

    Raises `EvaluationError` (`index-out-of-range`).

    >>> last_index_of("hello mellow", "ello"), last_index_of("hello mellow", "ello", 6)
    (7, 1)
    """
    plain = text.__class__ is str and part.__class__ is str
    if plain and last is None:
        return int(text.rfind(part))
    if not plain or last.__class__ is not int:
        raise failures.no_such_overload("lastIndexOf", text, part, last)
    if not 0 <= last <= len(text):
        raise failures.index_out_of_range("string")
    return int(text.rfind(part, 0, last + len(part)))


def lower_ascii(text: Any) -> str:
    """`text.lowerAscii()`: only the letters A to Z change.

    >>> lower_ascii("TacoCÆt")
    'tacocÆt'
    """
    if text.__class__ is not str:
        raise failures.no_such_overload("lowerAscii", text)
    return str(text.lower() if text.isascii() else text.translate(_LOWER))


def upper_ascii(text: Any) -> str:
    """`text.upperAscii()`: only the letters a to z change."""
    if text.__class__ is not str:
        raise failures.no_such_overload("upperAscii", text)
    return str(text.upper() if text.isascii() else text.translate(_UPPER))


def trim(text: Any) -> str:
    """`text.trim()`: without the Unicode white space at both ends."""
    if text.__class__ is not str:
        raise failures.no_such_overload("trim", text)
    return str(text.strip(_SPACES))


def substring(text: Any, start: Any, end: Any = None) -> str:
    """`text.substring(start, end)`; the end is exclusive, and the text's own if not given.

    Raises `EvaluationError` (`index-out-of-range`).

    >>> substring("tacocat", 4), substring("tacocat", 0, 4)
    ('cat', 'taco')
    """
    plain = text.__class__ is str and start.__class__ is int
    if plain and end is None:
        end = len(text)
    if not plain or end.__class__ is not int:
        raise failures.no_such_overload("substring", text, start, end)
    if not 0 <= start <= end <= len(text):
        raise failures.index_out_of_range("string")
    return str(text[start:end])


def replace(text: Any, old: Any, new: Any, limit: Any = -1) -> str:
    """`text.replace(old, new, limit)`: the first `limit` occurrences; all if it is negative.

    Raises `EvaluationError` (`too-large`).

    >>> replace("hello hello", "he", "we", 1), replace("ab", "", "_")
    ('wello hello', '_a_b_')
    """
    plain = text.__class__ is str and old.__class__ is str and new.__class__ is str
    if not plain or limit.__class__ is not int:
        raise failures.no_such_overload("replace", text, old, new, limit)
    if len(new) > len(old):
        found = text.count(old)
        times = found if limit < 0 else min(found, limit)
        if len(text) + times * (len(new) - len(old)) > MAX_SIZE:
            raise failures.too_large("string", MAX_SIZE)
    # More than the text can hold is as good as all, and fits what Python counts with.
    return str(text.replace(old, new, min(limit, len(text) + 1)))


def split(text: Any, separator: Any, limit: Any = -1) -> list[str]:
    """`text.split(separator, limit)`: at most `limit` parts; all if it is negative.

    An empty separator gives the characters.

    >>> split("a,b,c", ","), split("a,b,c", ",", 2), split("abc", "", 2), split("a", ",", 0)
    (['a', 'b', 'c'], ['a', 'b,c'], ['a', 'bc'], [])
    """
    plain = text.__class__ is str and separator.__class__ is str
    if not plain or limit.__class__ is not int:
        raise failures.no_such_overload("split", text, separator, limit)
    if limit == 0:
        return []
    most = len(text) + 1 if limit < 0 else min(limit, len(text) + 1)
    if separator:
        return list(text.split(separator, most - 1))
    if most >= len(text):
        return list(text)
    return [*text[: most - 1], text[most - 1 :]]


def join(parts: Any, separator: Any = "") -> str:
    """`parts.join(separator)`; raises `EvaluationError` (`too-large`).

    >>> join(["a", "b"], "-"), join([])
    ('a-b', '')
    """
    if parts.__class__ not in (list, tuple) or separator.__class__ is not str:
        raise failures.no_such_overload("join", parts, separator)
    size = len(separator) * max(len(parts) - 1, 0)
    for part in parts:
        if part.__class__ is not str:
            raise failures.bad_argument("join", "an element of the list is not a string")
        size += len(part)
    if size > MAX_SIZE:
        raise failures.too_large("string", MAX_SIZE)
    return str(separator.join(parts))


def quote(text: Any) -> str:
    """`strings.quote(text)`: in double quotes, with CEL's escapes for what needs them.

    Half of a surrogate pair becomes U+FFFD. Raises `EvaluationError` (`too-large`).

    >>> print(quote('a "b"'))
    "a \\"b\\""
    """
    if text.__class__ is not str:
        raise failures.no_such_overload("strings.quote", text)
    if len(text) > MAX_SIZE // 2 - 1:
        raise failures.too_large("string", MAX_SIZE)
    return f'"{_SURROGATE.sub(chr(0xFFFD), text.translate(_ESCAPES))}"'
