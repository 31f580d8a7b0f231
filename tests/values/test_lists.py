from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyengine.errors import EvaluationError
from policyengine.values import lists, members, sets
from policyengine.values.compare import equal
from policyengine.values.kinds import NONE, OptionalValue, UInt
from policyengine.values.maps import make_map
from policyengine.values.members import Members
from policyengine.values.network import IP
from policyengine.values.times import Timestamp

NAN = float("nan")
# Numbers about 2**53, where whole numbers and doubles are not one to one any more, and many
# equal values of different types.
SCALARS = st.one_of(
    st.sampled_from([0, 1, 2, UInt(0), UInt(1), 0.0, -0.0, 1.0, 2.5, NAN, True, False, None]),
    st.sampled_from(["", "1", b"1", Timestamp(1), IP(4, 1), IP(6, 1), NONE]),
    st.integers(2**53 - 1, 2**53 + 2),
    st.integers(2**53 - 1, 2**53 + 2).map(float),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=2),
        st.lists(inner, max_size=2).map(tuple),
        st.dictionaries(st.sampled_from(["a", 1, UInt(2), 1.0]), inner, max_size=2),
        st.lists(inner, min_size=2, max_size=2).map(
            lambda pair: make_map([(True, pair[0]), (1, pair[1])])
        ),
        inner.map(lambda value: OptionalValue(True, value)),
    ),
    max_leaves=5,
)
SEQUENCES = st.lists(VALUES, max_size=8)


def code(function: Callable[..., Any], *args: Any) -> str:
    with pytest.raises(EvaluationError) as caught:
        function(*args)
    return caught.value.code


def among(value: Any, values: list[Any]) -> bool:
    return any(equal(value, other) for other in values)


def same(left: list[Any], right: list[Any]) -> bool:
    """Whether the very same objects stand in both."""
    return len(left) == len(right) and all(a is b for a, b in zip(left, right, strict=True))


@given(SEQUENCES)
def test_distinct_against_comparing_all(values: list[Any]) -> None:
    expected: list[Any] = []
    for value in values:
        if not among(value, expected):
            expected.append(value)
    assert same(lists.distinct(values), expected)


@given(SEQUENCES, SEQUENCES)
def test_sets_against_comparing_all(left: list[Any], right: list[Any]) -> None:
    forth = all(among(value, left) for value in right)
    back = all(among(value, right) for value in left)
    assert sets.contains(left, right) is forth
    assert sets.equivalent(left, right) is (forth and back)
    assert sets.intersects(left, right) is any(among(value, right) for value in left)


def test_lists_of_strings_are_sets_too() -> None:
    assert sets.contains(["a", "b"], ("b",))
    assert not sets.contains(["a"], ["a", "b"])
    assert sets.intersects(["a"], ["b", "a"])
    assert not sets.intersects(["a"], ["b"])
    assert not sets.intersects(["1"], [1])
    assert lists.distinct(("b", "a", "b")) == ["b", "a"]


def test_shared_parts_and_depth_cost_nothing() -> None:
    shared: list[Any] = [1]
    again: list[Any] = [1.0]
    for _ in range(60):
        shared, again = [shared, shared], [again, again]
    assert same(lists.distinct([shared, again, shared]), [shared])
    deep: list[Any] = []
    other: list[Any] = []
    for _ in range(5000):
        deep, other = [deep], [other]
    assert sets.equivalent([deep], [other])


def test_a_value_that_holds_itself_is_refused() -> None:
    endless: list[Any] = []
    endless.append([endless])
    assert code(lists.distinct, [endless]) == "too-deep"


def test_comparisons_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(members, "MAX_MISSES", 100)
    hostile = [2**62 + i for i in range(20)]
    assert code(lists.distinct, hostile) == "too-large"
    assert lists.distinct(list(range(1000))) == list(range(1000))
    assert [n in Members(hostile[:10]) for n in (2**62 + 9, 2**62 + 10)] == [True, False]


@given(st.lists(st.integers(), max_size=6), st.integers(-1, 7), st.integers(-1, 7))
def test_slice(values: list[int], start: int, end: int) -> None:
    if 0 <= start <= end <= len(values):
        assert lists.slice(values, start, end) == [values[i] for i in range(start, end)]
    else:
        assert code(lists.slice, values, start, end) == "index-out-of-range"


def flat(values: Any, depth: int) -> list[Any]:
    """The obvious way."""
    result: list[Any] = []
    for value in values:
        result += flat(value, depth - 1) if depth and type(value) in (list, tuple) else [value]
    return result


@given(SEQUENCES, st.integers(0, 4))
def test_flatten(values: list[Any], depth: int) -> None:
    assert same(lists.flatten(values, depth), flat(values, depth))


def test_flatten_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "MAX_BUILT", 1000)
    nested: list[Any] = []
    for _ in range(60):
        nested = [nested, nested]
    assert code(lists.flatten, nested, 99) == "too-large"
    assert len(lists.flatten(list(range(5000)))) == 5000
    assert code(lists.flatten, [], -1) == "bad-argument"


def test_range() -> None:
    assert lists.range_of(-5) == []
    assert lists.range_of(2) == [0, 1]
    assert len(lists.range_of(lists.MAX_BUILT)) == lists.MAX_BUILT
    assert code(lists.range_of, lists.MAX_BUILT + 1) == "too-large"
    assert code(lists.range_of, UInt(1)) == "no-such-overload"


@given(
    st.lists(st.integers())
    | st.lists(st.text())
    | st.lists(st.binary())
    | st.lists(st.booleans())
    | st.lists(st.floats(allow_nan=False))
    | st.lists(st.integers(0, 99).map(Timestamp))
)
def test_sort(values: list[Any]) -> None:
    ordered = lists.sort(values)
    assert all(a <= b for a, b in pairwise(ordered))
    assert sorted(map(repr, ordered)) == sorted(map(repr, values))
    names = [f"n{i}" for i in range(len(values))]
    assert lists.sort_by(names, values) == [
        name for _, name in sorted(zip(values, names, strict=True), key=lambda pair: pair[0])
    ]


@pytest.mark.parametrize(
    "values", [[1, 2.0], [1, UInt(2)], [True, 1], [None], [[1]], [{}], [1.0, NAN], ["a", 1]]
)
def test_sort_refuses(values: list[Any]) -> None:
    assert code(lists.sort, values) == "bad-argument"
    assert code(lists.sort_by, values, values) == "bad-argument"


def test_sort_by_wants_a_key_for_each_element() -> None:
    assert code(lists.sort_by, [1, 2], [1]) == "bad-argument"
    assert code(lists.sort_by, [1], "a") == "no-such-overload"
    assert lists.sort_by([], []) == []


@given(st.lists(st.integers()), st.text(max_size=5))
def test_reverse(values: list[int], text: str) -> None:
    assert lists.reverse(values) == list(reversed(values))
    assert lists.reverse(tuple(values)) == list(reversed(values))
    assert lists.reverse(text) == "".join(reversed(text))
    assert code(lists.reverse, b"ab") == "no-such-overload"
