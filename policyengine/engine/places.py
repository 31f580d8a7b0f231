"""Fields of an input by their names, such as `response.choices[0].content`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from policyengine.program import TextPath

Step = str | int

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_STEP = re.compile(r'\.?([A-Za-z_][A-Za-z0-9_-]*)|\[([0-9]{1,9})\]|\[("(?:[^"\\]|\\.)*")\]')


def steps(field: str) -> tuple[Step, ...]:
    """The keys and positions that lead to a field, by the one name that findings give it.

    Raises `ValueError` for what is no such name.

    >>> steps('response.choices[0].content'), steps('tool.arguments["a b"]')
    (('response', 'choices', 0, 'content'), ('tool', 'arguments', 'a b'))
    """
    found: list[Step] = []
    at = 0
    while match := _STEP.match(field, at):
        key, position, quoted = match.groups()
        found.append(key or (int(position) if position else json.loads(quoted)))
        at = match.end()
    # INVARIANT: a field under another name would not be found among what is redacted.
    if at != len(field) or "".join(map(_named, found)).removeprefix(".") != field:
        raise ValueError("this is not the name of a field")
    return tuple(found)


def _named(step: Step) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    return f".{step}" if _PLAIN.fullmatch(step) else f"[{json.dumps(step)}]"


def path_of(found: Sequence[Step], paths: Sequence[TextPath]) -> TextPath | None:
    """The path of a point's texts that a field is on; None where nobody reads it as text.

    >>> path_of(("result", "content", 3), [("result", "content", "[]")])
    ('result', 'content', '[]')
    """
    return next((path for path in paths if _leads(path, found)), None)


def _leads(path: TextPath, found: Sequence[Step]) -> bool:
    for number, step in enumerate(path):
        if step == "**":
            return True
        if number >= len(found):
            return False
        if not (isinstance(found[number], int) if step == "[]" else found[number] == step):
            return False
    return len(path) == len(found)


def placed(input: Any, found: Sequence[Step], text: str) -> Any:
    """A copy of an input with a text in a field, or on the way there where that is not yet.

    Raises `ValueError` where something else stands on the way.

    >>> placed({"a": [{"b": "x", "c": 1}]}, ("a", 0, "b"), "y")
    {'a': [{'b': 'y', 'c': 1}]}
    """
    if not found:
        return text
    step, rest = found[0], found[1:]
    if isinstance(step, int) and isinstance(input, list) and step < len(input):
        return [*input[:step], placed(input[step], rest, text), *input[step + 1 :]]
    if isinstance(step, str) and isinstance(input, Mapping) and (step in input or not rest):
        return {**input, step: placed(input.get(step), rest, text)}
    raise ValueError("the input has no place for the field")
