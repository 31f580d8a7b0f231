"""Messages of a caller's own classes, and objects of Python, in expressions of the drop-in."""

from __future__ import annotations

from functools import total_ordering
from typing import Any

import pytest

from policyengine.compat import celpy
from policyengine.compat.celpy import celtypes


class Point(celtypes.MessageType):
    """A message with defaults and a field that is checked."""

    def __init__(self, fields: Any) -> None:
        if any(value < 0 for value in fields.values()):
            raise ValueError("negative")
        super().__init__(fields)

    def get(self, key: Any, default: Any = None) -> Any:
        if key not in ("x", "y"):
            raise KeyError(key)
        return super().get(key, celtypes.IntType(7))


@total_ordering
class Version:
    """An object with operators, and a method that has the name of a CEL function."""

    def __init__(self, text: str) -> None:
        self.parts = [int(part) for part in text.split(".")]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Version) and self.parts == other.parts

    def __lt__(self, other: Version) -> bool:
        if not isinstance(other, Version):
            raise TypeError("not a version")
        return self.parts < other.parts

    __hash__ = None  # type: ignore[assignment]

    def contains(self, part: int) -> bool:
        return part in self.parts

    def secret(self) -> str:
        raise AssertionError("this must not be reached")


def evaluated(text: str, context: dict[str, Any] | None = None) -> Any:
    environment = celpy.Environment("geo", {"geo.Point": Point})
    program = environment.program(environment.compile(text), {"version": Version})
    return program.evaluate(context or {})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Point{x: 1}.x", 1),
        ("geo.Point{x: 1}.y", 7),
        ("Point{}.x + Point{y: 2}.y", 9),
        ("has(Point{x: 1}.x) && !has(Point{x: 1}.y)", True),
        ("[1, 2].map(i, Point{x: i}.x)", [1, 2]),
        ("{'p': Point{x: 3}}.p.x", 3),
        ("p.x == 4 && p.y == 7", True),
        ("q.p.x", 4),
        ("Point{x: 1} == Point{x: 1}", True),
        ("type(p.x) == int", True),
    ],
)
def test_messages(text: str, expected: Any) -> None:
    p = Point({"x": celtypes.IntType(4)})
    assert evaluated(text, {"p": p, "q": {"p": p}}) == expected


@pytest.mark.parametrize("text", ["Point{x: -1}", "Point{x: 1}.z", "p.z", "Nope{}.x"])
def test_messages_that_are_refused(text: str) -> None:
    with pytest.raises(celpy.CELEvalError):
        evaluated(text, {"p": Point({})})


def test_a_message_is_given_back_as_it_is() -> None:
    assert type(evaluated("Point{x: 1}")) is Point


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("version('3.10') > version('3.9')", True),
        ("v >= version('2.0') || 1 / 0 > 0", True),
        ("version('1.2') == version('1.2')", True),
        ("v == v && v != version('1')", True),
        ("v.contains(5) && !v.contains(6)", True),
    ],
)
def test_objects(text: str, expected: Any) -> None:
    assert evaluated(text, {"v": Version("2.5")}) == expected


def test_objects_without_functions_or_messages() -> None:
    environment = celpy.Environment()
    program = environment.program(environment.compile("v == w"))
    assert program.evaluate({"v": Version("1"), "w": Version("1")}) == True  # noqa: E712


@pytest.mark.parametrize(
    "text",
    [
        "v.secret()",
        "v.parts",
        "v.__class__",
        "v['parts']",
        "v.__lt__(v)",
        "v > 1",
        "v + v",
        "size(v)",
        "v.startsWith('a')",
        "has(v.parts)",
        "[v].map(x, x.parts)",
        "p.__class__",
        "p.get('x')",
    ],
)
def test_nothing_else_of_an_object_can_be_reached(text: str) -> None:
    with pytest.raises(celpy.CELEvalError):
        evaluated(text, {"v": Version("1.5"), "p": Point({})})
