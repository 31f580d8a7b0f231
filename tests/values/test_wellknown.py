from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyengine.cel import wellknown as declared
from policyengine.errors import EvaluationError
from policyengine.values.kinds import TypeValue, UInt
from policyengine.values.maps import make_map
from policyengine.values.times import Duration, Timestamp
from policyengine.values.wellknown import message, single_precision, to_json


@pytest.mark.parametrize(
    ("name", "fields", "value"),
    [
        ("BoolValue", {}, False),
        ("BoolValue", {"value": True}, True),
        ("StringValue", {}, ""),
        ("BytesValue", {"value": b"a"}, b"a"),
        ("DoubleValue", {"value": 1.1}, 1.1),
        ("FloatValue", {"value": 1.5}, 1.5),
        ("FloatValue", {"value": 1e300}, math.inf),
        ("FloatValue", {"value": -1e300}, -math.inf),
        ("Int32Value", {"value": 2**31 - 1}, 2**31 - 1),
        ("Int64Value", {}, 0),
        ("UInt32Value", {"value": UInt(2**32 - 1)}, UInt(2**32 - 1)),
        ("UInt64Value", {}, UInt(0)),
        ("Timestamp", {"seconds": 1, "nanos": 5}, Timestamp(10**9 + 5)),
        ("Duration", {"seconds": -1, "nanos": -5}, Duration(-(10**9) - 5)),
        ("ListValue", {}, []),
        ("ListValue", {"values": (1, "a")}, [1.0, "a"]),
        ("Struct", {"fields": {"a": None}}, {"a": None}),
        ("Value", {}, None),
        ("Value", {"null_value": 0}, None),
        ("Value", {"number_value": 1.0, "string_value": "last"}, "last"),
        ("Value", {"struct_value": {"a": True}}, {"a": True}),
    ],
)
def test_messages_become_plain_values(name: str, fields: dict[str, Any], value: Any) -> None:
    found = message(f"google.protobuf.{name}", fields)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("name", "fields", "code"),
    [
        ("Int32Value", {"value": 2**31}, "overflow"),
        ("Int32Value", {"value": -(2**31) - 1}, "overflow"),
        ("Int32Value", {"value": True}, "bad-conversion"),
        ("Int32Value", {"value": UInt(1)}, "bad-conversion"),
        ("UInt32Value", {"value": UInt(2**32)}, "overflow"),
        ("BoolValue", {"value": 1}, "bad-conversion"),
        ("StringValue", {"text": "a"}, "no-such-field"),
        ("Timestamp", {"nanos": 10**9}, "overflow"),
        ("Timestamp", {"nanos": -1}, "overflow"),
        ("Timestamp", {"seconds": 2**62}, "overflow"),
        ("Duration", {"seconds": 2**62}, "overflow"),
        ("Duration", {"seconds": 1.0}, "bad-conversion"),
        ("Value", {"number_value": 1}, "bad-conversion"),
        ("Value", {"list_value": "a"}, "bad-conversion"),
        ("Struct", {"fields": []}, "bad-conversion"),
        ("Struct", {"fields": {1: True}}, "bad-conversion"),
        ("Value", {"struct_value": {True: 1}}, "bad-conversion"),
        ("Any", {}, "bad-conversion"),
        ("Nothing", {}, "bad-conversion"),
    ],
)
def test_what_does_not_fit_is_an_error(name: str, fields: dict[str, Any], code: str) -> None:
    with pytest.raises(EvaluationError) as caught:
        message(f"google.protobuf.{name}", fields)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("value", "json"),
    [
        (2**53 - 1, float(2**53 - 1)),
        (2**53, "9007199254740992"),
        (UInt(2**64 - 1), "18446744073709551615"),
        (b"\xff", "/w=="),
        (Duration(1_500_000_000), "1.5s"),
        (make_map([("a", 1), ("b", 2)]), {"a": 1.0, "b": 2.0}),
    ],
)
def test_values_become_json(value: Any, json: Any) -> None:
    assert to_json(value) == json
    assert to_json([value]) == [json]


def test_what_json_cannot_hold_is_an_error() -> None:
    for value, code in (([TypeValue("int")], "bad-conversion"), ({1: 1}, "bad-conversion")):
        with pytest.raises(EvaluationError) as caught:
            to_json(value)
        assert caught.value.code == code


def test_depth_is_limited_and_shared_parts_cost_once() -> None:
    deep: Any = []
    for _ in range(10_000):
        deep = [deep]
    with pytest.raises(EvaluationError) as caught:
        to_json(deep)
    assert caught.value.code == "too-deep"
    wide: Any = [1]
    for _ in range(60):
        wide = [wide, wide]
    assert len(to_json(wide)) == 2


@given(st.floats(width=32, allow_nan=False))
def test_a_float_stays_what_it_is(value: float) -> None:
    assert single_precision(value) == value


def test_every_declared_field_can_be_set() -> None:
    samples = {
        "int": 0, "uint": UInt(0), "double": 0.5, "bool": True, "string": "a", "bytes": b"a",
        "wrapper(int)": None, "map(string, dyn)": {"a": 1}, "list(dyn)": [1],
    }  # fmt: skip
    for name, type_ in declared.LITERALS.items():
        for field, of in type_.fields.items():
            if not name.endswith(".Any"):
                message(name, {field: samples[str(of.type)]})
