"""What CEL's `regex` extension does with the matches of RE2 patterns."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from policyengine.values import failures, regex
from policyengine.values.kinds import NONE, OptionalValue
from policyengine.values.regex import Match, Regex
from policyengine.values.typed import MAX_SIZE

_REFERENCE: Final = re.compile(r"\\(.?)", re.DOTALL)


def extract(text: Any, pattern: Any) -> OptionalValue:
    """`regex.extract(text, pattern)`: the first match, or its group; empty where there is none.

    A group that took part in the match without a character counts as none. Raises
    `EvaluationError` (`bad-regex`; `bad-argument` for a pattern with several groups).

    >>> extract("key=1, id=7", "id=([0-9]+)").value, extract("key", "id").present
    ('7', False)
    """
    compiled = _one_group("regex.extract", text, pattern)
    found = compiled.find(text)
    if found is None:
        return NONE
    part = found.group(compiled.groups)
    return OptionalValue(True, part) if part or not compiled.groups else NONE


def extract_all(text: Any, pattern: Any) -> list[str]:
    """`regex.extractAll(text, pattern)`: all matches, or their groups, without the empty groups.

    Raises `EvaluationError` as `extract` does.

    >>> extract_all("id=7, id=8", "id=([0-9]+)")
    ['7', '8']
    """
    compiled = _one_group("regex.extractAll", text, pattern)
    parts = (found.group(compiled.groups) for found in _matches(compiled, text))
    return [part or "" for part in parts if part or not compiled.groups]


def replace(text: Any, pattern: Any, replacement: Any, limit: Any = -1) -> str:
    """`regex.replace(text, pattern, replacement, limit)`: the first `limit` matches replaced.

    All are if the limit is negative. In the replacement `\\1` is the first group, `\\0` the match
    and `\\\\` a backslash. Raises `EvaluationError` (`bad-regex`, `too-large`; `bad-argument` for
    a replacement that is not of this form).

    >>> replace("foo bar", "(fo)o", "<\\\\1>"), replace("aaa", "a", "b", 2)
    ('<fo> bar', 'bba')
    """
    plain = text.__class__ is str and pattern.__class__ is str and replacement.__class__ is str
    if not plain or limit.__class__ is not int:
        raise failures.no_such_overload("regex.replace", text, pattern, replacement, limit)
    if limit == 0:
        return str(text)
    compiled = regex.compile(pattern)
    parts: list[str] = []
    position = size = 0
    template: list[str | int] | None = None
    for count, found in enumerate(_matches(compiled, text)):
        if count == limit:
            break
        if template is None:
            template = _template(replacement, compiled.groups)
        start, end = found.span()
        parts.append(text[position:start])
        parts += [part if isinstance(part, str) else found.group(part) or "" for part in template]
        size += (start - position) + sum(map(len, parts[-len(template) :]) if template else ())
        if size > MAX_SIZE:
            raise failures.too_large("string", MAX_SIZE)
        position = end
    parts.append(text[position:])
    return "".join(parts)


def _one_group(function: str, text: Any, pattern: Any) -> Regex:
    if text.__class__ is not str or pattern.__class__ is not str:
        raise failures.no_such_overload(function, text, pattern)
    compiled = regex.compile(pattern)
    if compiled.groups > 1:
        raise failures.bad_argument(function, "the pattern has more than one group")
    return compiled


def _matches(compiled: Regex, text: str) -> Iterator[Match]:
    """The matches that do not overlap; an empty one does not follow right behind another."""
    behind = -1
    for found in compiled.find_all(text):
        start, end = found.span()
        if start < end or start != behind:
            yield found
        behind = end


def _template(replacement: str, groups: int) -> list[str | int]:
    """The replacement as texts and numbers of groups."""
    pieces: list[str | int] = []
    position = 0
    for reference in _REFERENCE.finditer(replacement):
        pieces.append(replacement[position : reference.start()])
        position = reference.end()
        mark = reference[1]
        if mark == "\\":
            pieces.append("\\")
        elif mark.isascii() and mark.isdigit():
            if int(mark) > groups:
                raise failures.bad_argument("regex.replace", "the pattern has fewer groups")
            pieces.append(int(mark))
        else:
            raise failures.bad_argument(
                "regex.replace", "a backslash is followed by neither a digit nor a backslash"
            )
    pieces.append(replacement[position:])
    return [piece for piece in pieces if piece != ""]
