"""Events as bytes: what goes in comes out, and no bytes of a store can crash a reader."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyengine.charges import MAX_ATTRIBUTES, MAX_NAME, Event, decoded, encoded

# Lone halves of characters too.
NAMES = st.text(st.characters(codec=None), max_size=MAX_NAME)
NUMBERS = st.floats(-1e17, 1e17)
EVENTS = st.builds(
    Event,
    at=NUMBERS,
    kind=NAMES,
    name=NAMES,
    same=NAMES,
    cost=st.integers(-(10**17), 10**17),
    amount=NUMBERS,
    ok=st.booleans(),
    attributes=st.dictionaries(
        NAMES, st.one_of(NAMES, st.booleans(), st.integers(-(10**9), 10**9), NUMBERS), max_size=5
    ),
)


@given(EVENTS)
def test_an_event_comes_back(event: Event) -> None:
    assert decoded(encoded(event)) == event


@given(st.binary(max_size=200))
def test_no_bytes_crash(data: bytes) -> None:
    found = decoded(data)
    assert found is None or isinstance(found, Event)


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.lists(inner, max_size=9) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=12,
)


@given(st.lists(JSON, max_size=9))
def test_no_json_gives_an_event_that_is_none(parts: list[object]) -> None:
    found = decoded(json.dumps(parts).encode())
    if found is not None:
        assert type(found.at) is float
        assert math.isfinite(found.at)
        assert math.isfinite(found.amount)
        assert type(found.cost) is int
        assert type(found.ok) is bool
        assert type(found.kind) is type(found.name) is type(found.same) is str
        assert decoded(encoded(found)) == found


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[",
        b"null",
        b"{}",
        b'"text"',
        b"[1]",
        b'["1","tool.call"]',
        b"[1,2]",
        b"[true,\"a\"]",
        b'[NaN,"a"]',
        b'[Infinity,"a"]',
        b'[1e400,"a"]',
        b'[1,"a","b","c",1.5]',
        b'[1,"a","b","c",true]',
        b'[1,"a","b","c",1,2,3]',
        b'[1,"a","b","c",1,2,true,[]]',
        b'[1,"a","b","c",1,2,true,{"k":[]}]',
        b'[1,"a","b","c",1,2,true,{"k":null}]',
        b'[1,"a","b","c",1,2,true,{},1]',
        b'[1,"\xff"]',
        b"[1," + b"9" * 5_000 + b"]",
        b'[1,"a","","",' + b"9" * 4_000 + b"]",
        b"[" * 30_000,
        b'[1,"' + b"a" * 40_000 + b'"]',
    ],
)  # fmt: skip
def test_what_is_no_event_is_left_out(data: bytes) -> None:
    assert decoded(data) is None


def test_bytes_are_few() -> None:
    attributes = {f"{i:04}" + "k" * 300: "\U0001f512" * 300 for i in range(100)}
    data = encoded(Event(1.0, "k" * 999, "\U0001f512" * 999, "s" * 999, attributes=attributes))
    found = decoded(data)
    assert len(data) < 32_768
    assert found is not None
    assert len(found.name) == MAX_NAME
    assert len(found.attributes) == MAX_ATTRIBUTES


@pytest.mark.parametrize("at", [math.nan, math.inf])
def test_a_time_that_is_none_is_not_kept(at: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        encoded(Event(at, "tool.call"))


def test_an_event_cannot_be_changed_by_those_who_read_it() -> None:
    found = decoded(encoded(Event(1.0, "a", attributes={"k": 1})))
    assert found is not None
    with pytest.raises(TypeError):
        found.attributes["k"] = 2  # type: ignore[index]
