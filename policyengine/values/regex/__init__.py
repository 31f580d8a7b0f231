"""RE2 regular expressions in linear time, in pure Python.

Syntax and meaning are RE2's over Unicode characters: `.` is not a newline unless `(?s)`, `$` is
the end of the text unless `(?m)`, `\\d`, `\\s`, `\\w` and `\\b` are ASCII, the leftmost match wins
and of those the one that the pattern prefers. General categories and scripts are those of Unicode
15, whatever Python runs. Two differences: `parser.py` names what is refused here though RE2 has
it, and `\\B` holds between characters only, where RE2 finds it between the bytes of one too.

A pattern becomes a tree (`parser`, `syntax`). Whether there is a match is asked of a smaller tree
(`trim`) by the cheapest way (`contains`): a test of `str`, Python's `re` where `linear` has proved
it linear, else a lazy automaton (`program`, `dfa`). Spans come from `re` or from two automata, the
groups from a Pike VM (`pike`).
"""

from __future__ import annotations

from functools import lru_cache

from policyengine.values.regex.failure import RegexError
from policyengine.values.regex.matcher import Match, Regex
from policyengine.values.regex.parser import parse
from policyengine.values.regex.program import check_size


@lru_cache(maxsize=256)
def compile(pattern: str) -> Regex:
    """The compiled pattern; the 256 used last are kept.

    Raises `RegexError` (code `bad-regex`) with the offset of the trouble.

    >>> compile("^a.c$").search("abc")
    True
    """
    parsed = parse(pattern)
    check_size(parsed)
    return Regex(pattern, parsed)


def check(pattern: str) -> None:
    """Refuses a bad pattern without compiling it.

    Raises `RegexError` with the offset of the trouble.

    >>> check("a(b")
    Traceback (most recent call last):
    policyengine.values.regex.failure.RegexError: missing closing `)` of the group at offset 1 ...
    """
    check_size(parse(pattern))


def search(pattern: str, text: str) -> bool:
    """Whether the text contains a match of the pattern.

    Raises `RegexError` when the pattern is bad.

    >>> search("b+", "abc")
    True
    """
    return compile(pattern).search(text)


__all__ = ["Match", "Regex", "RegexError", "check", "compile", "search"]
