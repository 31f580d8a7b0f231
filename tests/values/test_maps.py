from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyengine.errors import EvaluationError
from policyengine.values.compare import equal
from policyengine.values.kinds import UInt
from policyengine.values.maps import MISSING, MixedMap, find, make_map

KEYS = st.one_of(
    st.booleans(),
    st.integers(-3, 3),
    st.integers(0, 3).map(UInt),
    st.sampled_from(["", "a", "1", "true"]),
)


def kept_key(key: Any) -> tuple[str, Any]:
    """The identity of a key by the specification."""
    if isinstance(key, bool):
        return "bool", key
    return ("string", key) if isinstance(key, str) else ("number", int(key))


@given(st.lists(st.tuples(KEYS, st.integers()), unique_by=lambda pair: kept_key(pair[0])))
def test_a_map_keeps_every_key_apart_and_in_order(pairs: list[tuple[Any, int]]) -> None:
    made = make_map(pairs)
    assert len(made) == len(pairs)
    items = list(made.items())
    assert items == pairs
    assert [type(key) for key, _ in items] == [type(key) for key, _ in pairs]
    assert [(key, made[key]) for key in made] == pairs
    for key, value in pairs:
        assert find(made, key) == value
        assert key in made
        assert made.get(key) == value
    present = {kept_key(key) for key, _ in pairs}
    for absent in (True, False, 0, 1, UInt(1), "a", 2, 1.0):
        found = find(made, absent) is not MISSING
        assert found is (kept_key(absent) in present)


@given(st.lists(st.tuples(KEYS, st.integers()), max_size=6))
def test_a_key_twice_is_an_error(pairs: list[tuple[Any, int]]) -> None:
    if len({kept_key(key) for key, _ in pairs}) == len(pairs):
        make_map(pairs)
        return
    with pytest.raises(EvaluationError) as caught:
        make_map(pairs)
    assert caught.value.code == "duplicate-key"


@pytest.mark.parametrize("key", [1.0, None, b"a", [], {}, (1,)])
def test_other_types_are_no_keys(key: Any) -> None:
    with pytest.raises(EvaluationError) as caught:
        make_map([("a", 1), (key, 2)])
    assert caught.value.code == "bad-key"
    assert find({"a": 1}, key) is MISSING


@pytest.mark.parametrize(
    ("mapping", "key", "value"),
    [
        ({1: "a"}, 1, "a"),
        ({1: "a"}, UInt(1), "a"),
        ({UInt(1): "a"}, 1.0, "a"),
        ({1: "a"}, True, MISSING),
        ({True: "a"}, 1, MISSING),
        ({True: "a"}, 1.0, MISSING),
        ({True: "a"}, True, "a"),
        ({False: "a"}, 0, MISSING),
        ({False: "a"}, -0.0, MISSING),
        ({0: "a"}, -0.0, "a"),
        ({0: "a"}, False, MISSING),
        ({1: "a"}, 1.5, MISSING),
        ({1: "a"}, float("nan"), MISSING),
        ({1: "a"}, float("inf"), MISSING),
        ({2**53 + 1: "a"}, float(2**53 + 1), MISSING),
        ({"1": "a"}, 1, MISSING),
        ({"a": None}, "a", None),
    ],
)
def test_a_key_is_found_by_its_own_kind(mapping: dict[Any, Any], key: Any, value: Any) -> None:
    assert find(mapping, key) is value


def test_a_mixed_map_is_copied_and_pickled_whole() -> None:
    mixed = make_map([(True, "yes"), (1, "one"), ("a", "A")])
    assert isinstance(mixed, MixedMap)
    for other in (copy.copy(mixed), copy.deepcopy(mixed), pickle.loads(pickle.dumps(mixed))):
        assert equal(mixed, other)
        assert list(other.values()) == ["yes", "one", "A"]
    assert repr(mixed) == "{True: 'yes', 1: 'one', 'a': 'A'}"
    assert json.loads(json.dumps(mixed)) == {"true": "yes", "1": "one", "a": "A"}
