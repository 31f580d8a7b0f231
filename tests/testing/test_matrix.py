"""Holes, combinations and fixtures laid over each other."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyengine.testing.matrix import UnknownHoleError, combinations, filled, merged, weight
from policyengine.testing.selection import Selection

CHOSEN = {"n": 1, "t": "x", "b": True, "o": {"k": [1]}, "nil": None}

FILLED = [
    ("${matrix.n}", 1),
    ("${matrix.b}", True),
    ("${matrix.nil}", None),
    ("${matrix.o}", {"k": [1]}),
    ("${matrix.o.k}", [1]),
    ("a ${matrix.n} ${matrix.t} ${matrix.b} ${matrix.nil} ${matrix.o}", "a 1 x true null {k: [1]}"),
    ("$${matrix.n}", "${matrix.n}"),
    ("a $${matrix.n}", "a ${matrix.n}"),
    ("${matrix.}", "${matrix.}"),
    ("${other.n}", "${other.n}"),
    ("$matrix.n", "$matrix.n"),
    (["${matrix.n}", {"${matrix.t}": "${matrix.t}"}], [1, {"x": "x"}]),
    (3, 3),
]


@pytest.mark.parametrize(("value", "expected"), FILLED)
def test_holes(value: Any, expected: Any) -> None:
    found = filled(value, CHOSEN)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize("text", ["${matrix.x}", "a ${matrix.o.x}", "${matrix.n.k}"])
def test_unknown_names(text: str) -> None:
    with pytest.raises(UnknownHoleError):
        filled(text, CHOSEN)


def test_what_a_value_holds_is_not_filled_again() -> None:
    assert filled("${matrix.a}", {"a": "${matrix.b}", "b": 1}) == "${matrix.b}"


@given(st.dictionaries(st.sampled_from("abc"), st.lists(st.integers(), min_size=1, max_size=3)))
def test_there_is_one_case_for_each_combination(matrix: dict[str, list[Any]]) -> None:
    found = list(combinations(matrix))
    expected = 1
    for values in matrix.values():
        expected *= len(values)
    assert len(found) == expected
    assert all(set(chosen) == set(matrix) for chosen in found)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner),
    max_leaves=8,
)


# Objects that have objects in the same places: where another value takes the place of an object and
# is an object again later, what was there is forgotten, so that the order of merging matters.
_ALIKE = st.dictionaries(
    st.sampled_from("ab"), st.dictionaries(st.sampled_from("ab"), st.integers())
)


@given(_ALIKE, _ALIKE, _ALIKE)
def test_merging_objects_alike_is_associative(a: Any, b: Any, c: Any) -> None:
    assert merged(merged(a, b), c) == merged(a, merged(b, c))


def test_what_is_replaced_is_forgotten() -> None:
    assert merged(merged({"b": {"a": 1}}, {"b": None}), {"b": {}}) == {"b": {}}


@given(_JSON, _JSON)
def test_merging_keeps_its_parts(a: Any, b: Any) -> None:
    assert merged(a, {}) == (a if isinstance(a, dict) else {})
    assert merged({}, b) == b


@given(_JSON)
def test_weight_stops(value: Any) -> None:
    whole = weight(value, 1 << 40)
    assert weight(value, whole) == whole
    assert weight(value, 0) > 0


@pytest.mark.parametrize(
    ("expression", "suite", "name", "taken"),
    [
        ("", "s", "n", True),
        ("free", "gateway", "Free tier", True),
        ("free gate", "gateway", "Free tier", True),
        ("free !gate", "gateway", "Free tier", False),
        ("gateway/*", "gateway", "anything", True),
        ("gate/*", "gateway", "anything", False),
        ("t?er", "gateway", "tier", False),
        ("*/t?er", "gateway", "tier", True),
        ("[a=1]", "s", "n [a=1]", True),
        ("[a=1]", "s", "n [a=2]", False),
        ("!", "s", "n", False),
    ],
)
def test_selection(expression: str, suite: str, name: str, taken: bool) -> None:
    assert Selection(expression).takes(suite, name) is taken
