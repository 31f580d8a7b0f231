"""Combinations of a test's matrix, and `${matrix.name}` in its values."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from itertools import product
from typing import Any

from policyengine.testing.model import NAME_PATTERN

Json = Any

# `$${matrix.x}` stands for the text `${matrix.x}` itself.
_HOLE = re.compile(rf"\$(\$?)\{{matrix\.({NAME_PATTERN}(?:\.{NAME_PATTERN})*)\}}")

MAX_COMBINATIONS = 10_000


# One text, and all inputs of a file: test files of a proposed change are hostile input too.
MAX_TEXT = 1 << 20
MAX_WEIGHT = 64 << 20


class TooLargeError(ValueError):
    """What a matrix makes of a test is too large."""


class UnknownHoleError(ValueError):
    """A value names something that the test's matrix does not have."""

    def __init__(self, name: str, known: list[str]) -> None:
        close = get_close_matches(name, known, n=1)
        self.note = f"did you mean `${{matrix.{close[0]}}}`?" if close else ""
        self.message = f"the matrix of this test has no `{name}`"
        super().__init__(self.message)


def combinations(matrix: Mapping[str, list[Json]]) -> Iterator[dict[str, Json]]:
    """Every choice of one value for each name, the last name changing fastest.

    >>> list(combinations({"a": [1, 2], "b": ["x"]}))
    [{'a': 1, 'b': 'x'}, {'a': 2, 'b': 'x'}]
    """
    for values in product(*matrix.values()):
        yield dict(zip(matrix, values, strict=True))


def filled(value: Json, chosen: Mapping[str, Json]) -> Json:
    """The value with its holes filled; a text that is one hole takes the value with its type.

    Raises `UnknownHoleError`.

    >>> filled({"n": "${matrix.n}", "t": "<${matrix.n}>"}, {"n": 1})
    {'n': 1, 't': '<1>'}
    """
    match value:
        case str():
            return _text(value, chosen)
        case dict():
            return {_key(key, chosen): filled(item, chosen) for key, item in value.items()}
        case list():
            return [filled(item, chosen) for item in value]
        case _:
            return value


def _key(key: str, chosen: Mapping[str, Json]) -> str:
    found = _text(key, chosen)
    return found if isinstance(found, str) else shown(found)


def _text(text: str, chosen: Mapping[str, Json]) -> Json:
    whole = _HOLE.fullmatch(text)
    if whole is not None and not whole[1]:
        return _value(whole[2], chosen)
    parts: list[str] = []
    at = size = 0
    for found in _HOLE.finditer(text):
        told = found.group()[1:] if found[1] else shown(_value(found[2], chosen))
        parts += [text[at : found.start()], told]
        at = found.end()
        size += len(told)
        if size > MAX_TEXT:
            raise TooLargeError(f"a text grows to more than {MAX_TEXT:,} characters")
    return "".join([*parts, text[at:]])


def _value(name: str, chosen: Mapping[str, Json]) -> Json:
    found: Json = chosen
    known: list[str] = []
    for depth, step in enumerate(parts := name.split("."), start=1):
        if not isinstance(found, Mapping) or step not in found:
            known = (
                [".".join([*parts[: depth - 1], str(key)]) for key in found]
                if isinstance(found, Mapping)
                else []
            )
            raise UnknownHoleError(name, known)
        found = found[step]
    return found


def shown(value: Json) -> str:
    """A value inside a text: texts as they are, others as in YAML.

    >>> shown(True), shown(None), shown({"a": [1, "b"]})
    ('true', 'null', '{a: [1, b]}')
    """
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case dict():
            return "{" + ", ".join(f"{key}: {shown(item)}" for key, item in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(shown, value)) + "]"
        case _:
            return str(value)


def merged(base: Json, top: Json) -> Json:
    """`top` laid over `base`: objects are merged key by key, everything else is replaced.

    >>> merged({"a": {"b": 1, "c": [1, 2]}}, {"a": {"c": [3]}})
    {'a': {'b': 1, 'c': [3]}}
    """
    if not (isinstance(base, dict) and isinstance(top, dict)):
        return top
    laid = {key: merged(base[key], value) if key in base else value for key, value in top.items()}
    return {**base, **laid}


def weight(value: Json, most: int) -> int:
    """How much a value holds, in characters and values; counting stops above `most`.

    >>> weight({"a": ["xy", 1]}, 100)
    7
    """
    total, rest = 0, [value]
    while rest and total <= most:
        item = rest.pop()
        total += 1
        match item:
            case str():
                total += len(item)
            case dict():
                rest += item.values()
                total += sum(map(len, item))
            case list():
                rest += item
    return total
