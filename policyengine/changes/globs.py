"""Matching paths against shell patterns in time bounded by path length times pattern length.

Regular expressions are not used: a pattern such as `*a*a*a*b` takes a backtracking engine hours
on a file name that somebody chose for the purpose.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from string import ascii_letters, ascii_lowercase, ascii_uppercase, digits, hexdigits, punctuation
from typing import Any


class Wild(Enum):
    """What stands for more than one character or more than one folder."""

    ONE = "?"
    MANY = "*"
    FOLDERS = "**"


@dataclass(frozen=True, slots=True)
class CharacterSet:
    """A bracket expression such as `[!a-z_]`."""

    negated: bool
    ranges: tuple[tuple[str, str], ...]
    members: frozenset[str] = frozenset()

    def matches(self, character: str) -> bool:
        """Whether the set has this character."""
        inside = character in self.members or any(a <= character <= b for a, b in self.ranges)
        return inside is not self.negated


Token = str | Wild | CharacterSet
Segment = tuple[Token, ...]
Glob = tuple[Segment, ...]

ANY_SEGMENT: Segment = (Wild.MANY,)
FOLDERS: Segment = (Wild.FOLDERS,)

_CLASSES: dict[str, frozenset[str]] = {
    "alnum": frozenset(ascii_letters + digits),
    "alpha": frozenset(ascii_letters),
    "blank": frozenset(" \t"),
    "cntrl": frozenset([*map(chr, range(32)), "\x7f"]),
    "digit": frozenset(digits),
    "graph": frozenset(ascii_letters + digits + punctuation),
    "lower": frozenset(ascii_lowercase),
    "print": frozenset(ascii_letters + digits + punctuation + " "),
    "punct": frozenset(punctuation),
    "space": frozenset(" \t\n\r\v\f"),
    "upper": frozenset(ascii_uppercase),
    "xdigit": frozenset(hexdigits),
}


def segment(text: str) -> Segment:
    """One part of a pattern between slashes, in git's wildmatch language.

    Raises `ValueError` for what git accepts but can never match: an open bracket, an unknown
    character class, a backslash at the end.

    >>> matches((segment("*.p[yi]"),), ["main.py"])
    True
    """
    if len(text) >= 2 and not text.strip("*"):
        return FOLDERS
    tokens: list[Token] = []
    at = 0
    while at < len(text):
        character = text[at]
        if character == "\\":
            if at + 1 == len(text):
                raise ValueError("a backslash at the end escapes nothing")
            tokens.append(text[at + 1])
            at += 2
        elif character == "[":
            found, at = _character_set(text, at + 1)
            tokens.append(found)
        else:
            tokens.append(_WILD.get(character, character))
            at += 1
    return tuple(tokens)


_WILD = {"*": Wild.MANY, "?": Wild.ONE}


def _character_set(text: str, at: int) -> tuple[CharacterSet, int]:
    """The set whose `[` stands before `at`, and the place after its `]`."""
    negated = text[at : at + 1] in ("!", "^") and at < len(text)
    at += negated
    ranges: list[tuple[str, str]] = []
    members: set[str] = set()
    previous = ""
    first = True
    while first or text[at : at + 1] != "]":
        first = False
        character = _character(text, at)
        if character == "-" and previous and text[at + 1 : at + 2] not in ("", "]"):
            at += 1 + (text[at + 1] == "\\")
            ranges.append((previous, _character(text, at)))
            previous = ""
        elif character == "[" and text[at + 1 : at + 2] == ":" and _class_end(text, at):
            end = _class_end(text, at)
            members |= _class(text[at + 2 : end - 1])
            at, previous = end, ""
        else:
            at += character == "\\"
            previous = _character(text, at)
            members.add(previous)
        at += 1
    return CharacterSet(negated, tuple(ranges), frozenset(members)), at + 1


def _character(text: str, at: int) -> str:
    if at >= len(text):
        raise ValueError("a `[` is never closed in its part of the path")
    return text[at]


def _class_end(text: str, at: int) -> int:
    """Where the `]` of `[:name:]` stands, or 0 when it only looks like a class."""
    end = text.find("]", at + 2)
    return end if end > at + 2 and text[end - 1] == ":" else 0


def _class(name: str) -> frozenset[str]:
    if name not in _CLASSES:
        raise ValueError(f"there is no character class `[:{name}:]`")
    return _CLASSES[name]


def matches(glob: Glob, parts: Sequence[str]) -> bool:
    """Whether the whole path, given by its parts between slashes, matches the pattern.

    >>> matches((FOLDERS, segment("auth"), ANY_SEGMENT), ["src", "auth", "login.py"])
    True
    """
    return _wild_match(glob, parts, lambda s: s == FOLDERS, _segment_matches)


def _segment_matches(pattern: Segment, text: str) -> bool:
    return _wild_match(pattern, text, lambda token: token is Wild.MANY, _token_matches)


def _token_matches(token: Token, character: str) -> bool:
    match token:
        case str():
            return token == character
        case CharacterSet():
            return token.matches(character)
        case _:
            return True


def _wild_match(
    pattern: Sequence[Any],
    items: Sequence[Any],
    is_star: Callable[[Any], bool],
    one: Callable[[Any, Any], bool],
) -> bool:
    """Match with stars by going back to the last star only: earlier ones never need to grow."""
    at = item = 0
    star, resume = -1, 0
    while item < len(items):
        if at < len(pattern) and is_star(pattern[at]):
            star, resume = at, item
            at += 1
        elif at < len(pattern) and one(pattern[at], items[item]):
            at += 1
            item += 1
        elif star >= 0:
            resume += 1
            at, item = star + 1, resume
        else:
            return False
    return all(is_star(rest) for rest in pattern[at:])
