"""The list functions of CEL's `lists` extension, and `reverse`, which strings have too."""

from __future__ import annotations

from typing import Any, Final

from policyengine.values import failures
from policyengine.values.kinds import UInt
from policyengine.values.members import Members
from policyengine.values.times import Duration, Timestamp

_LISTS: Final = (list, tuple)
# A small value that shares its parts, or a single number, must not become a huge list.
MAX_BUILT: Final = 1 << 20
_ORDERED: Final = (int, UInt, float, bool, str, bytes, Timestamp, Duration)


def reverse(value: Any) -> Any:
    """`value.reverse()`: the elements of a list, or the characters of a string, from the back.

    >>> reverse([1, 2, 3]), reverse("abc")
    ([3, 2, 1], 'cba')
    """
    kind = value.__class__
    if kind is str:
        return value[::-1]
    if kind in _LISTS:
        return list(value[::-1])
    raise failures.no_such_overload("reverse", value)


def slice(values: Any, start: Any, end: Any) -> list[Any]:
    """`values.slice(start, end)`: the elements from `start` on, `end` excluded.

    Raises `EvaluationError` (`index-out-of-range`).

    >>> slice(["a", "b", "c"], 1, 3)
    ['b', 'c']
    """
    if values.__class__ not in _LISTS or start.__class__ is not int or end.__class__ is not int:
        raise failures.no_such_overload("slice", values, start, end)
    if not 0 <= start <= end <= len(values):
        raise failures.index_out_of_range()
    return list(values[start:end])


def flatten(values: Any, depth: Any = 1) -> list[Any]:
    """`values.flatten(depth)`: lists in the list replaced by their elements, `depth` levels deep.

    Raises `EvaluationError` (`bad-argument` for a negative depth, `too-large`).

    >>> flatten([1, [2, [3]]]), flatten([1, [2, [3]]], 2)
    ([1, 2, [3]], [1, 2, 3])
    """
    if values.__class__ not in _LISTS or depth.__class__ is not int:
        raise failures.no_such_overload("flatten", values, depth)
    if depth < 0:
        raise failures.bad_argument("flatten", "the depth is negative")
    flat: list[Any] = []
    steps = 0
    open_ = [iter(values)]
    while open_:
        for value in open_[-1]:
            # Every step counts: lists that are empty also take time.
            steps += 1
            if steps > MAX_BUILT + len(values):
                raise failures.too_large("list", MAX_BUILT)
            if value.__class__ in _LISTS and len(open_) <= depth:
                open_.append(iter(value))
                break
            flat.append(value)
        else:
            open_.pop()
    return flat


def distinct(values: Any) -> list[Any]:
    """`values.distinct()`: the elements without those that equal an earlier one.

    Raises `EvaluationError` (`too-large`) where numbers past 2**53 need too many comparisons.

    >>> distinct([1, 2.0, 2, "2", 1])
    [1, 2.0, '2']
    """
    if values.__class__ not in _LISTS:
        raise failures.no_such_overload("distinct", values)
    if all(value.__class__ is str for value in values):
        return list(dict.fromkeys(values))
    members = Members()
    return [value for value in values if members.add(value)]


def range_of(size: Any) -> list[int]:
    """`lists.range(size)`: the ints from 0 on; none where the size is not positive.

    Raises `EvaluationError` (`too-large`).

    >>> range_of(3)
    [0, 1, 2]
    """
    if size.__class__ is not int:
        raise failures.no_such_overload("lists.range", size)
    if size > MAX_BUILT:
        raise failures.too_large("list", MAX_BUILT)
    return list(range(size))


def sort(values: Any) -> list[Any]:
    """`values.sort()`: elements of one ordered type, the smallest first.

    Raises `EvaluationError` (`bad-argument`) for elements of several types or of one without an
    order, and for NaN.

    >>> sort([3, 1, 2]), sort(["b", "B", "a"])
    ([1, 2, 3], ['B', 'a', 'b'])
    """
    if values.__class__ not in _LISTS:
        raise failures.no_such_overload("sort", values)
    _check_keys("sort", values)
    return sorted(values)


def sort_by(values: Any, keys: Any) -> list[Any]:
    """`values.sortBy(x, key)`, given the key of each element. Equal keys keep their order.

    Raises `EvaluationError` (`bad-argument`) as `sort` does for the keys.

    >>> sort_by(["bb", "a", "ccc"], [2, 1, 3])
    ['a', 'bb', 'ccc']
    """
    if values.__class__ not in _LISTS or keys.__class__ not in _LISTS:
        raise failures.no_such_overload("sortBy", values, keys)
    if len(values) != len(keys):
        raise failures.bad_argument("sortBy", "there are not as many keys as elements")
    _check_keys("sortBy", keys)
    order = sorted(range(len(keys)), key=keys.__getitem__)
    return [values[position] for position in order]


def _check_keys(function: str, keys: Any) -> None:
    kinds = {key.__class__ for key in keys}
    if len(kinds) > 1:
        raise failures.bad_argument(function, "the list holds values of several types")
    if not kinds.issubset(_ORDERED):
        raise failures.bad_argument(function, "the list holds values that have no order")
    if float in kinds and any(key != key for key in keys):
        raise failures.bad_argument(function, "NaN is not ordered")
