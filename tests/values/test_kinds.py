from __future__ import annotations

import pickle

import pytest

from policyengine.values.kinds import NONE, OptionalValue, TypeValue, UInt, type_name, type_of
from policyengine.values.maps import make_map
from policyengine.values.times import Duration, Timestamp


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (True, "bool"),
        (1, "int"),
        (UInt(1), "uint"),
        (1.0, "double"),
        ("", "string"),
        (b"", "bytes"),
        (None, "null_type"),
        ([], "list"),
        ((), "list"),
        ({}, "map"),
        (make_map([(True, 1), (1, 1)]), "map"),
        (Timestamp(0), "google.protobuf.Timestamp"),
        (Duration(0), "google.protobuf.Duration"),
        (TypeValue("int"), "type"),
        (NONE, "optional_type"),
        (object(), "unknown"),
        ({1}, "unknown"),
    ],
)
def test_every_class_of_value_has_a_type_name(value: object, name: str) -> None:
    assert type_name(value) == name
    assert type_of(value) == TypeValue(name)


def test_the_class_of_an_extension_names_its_type() -> None:
    class Address:
        CEL_TYPE = "net.IP"

    assert type_name(Address()) == "net.IP"


@pytest.mark.parametrize(
    "value", [UInt(3), Timestamp(5), Duration(-5), OptionalValue(True, 1), TypeValue("int")]
)
def test_values_are_hashable_and_survive_pickling(value: object) -> None:
    copy = pickle.loads(pickle.dumps(value))
    assert copy == value
    assert type(copy) is type(value)
    assert hash(copy) == hash(value)


def test_an_empty_optional_is_not_an_optional_null() -> None:
    assert OptionalValue(True, None) != NONE
