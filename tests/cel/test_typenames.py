"""Types written as text."""

from __future__ import annotations

import pytest

from policyengine.cel import types as t
from policyengine.cel.typenames import parse_type

USER = t.ObjectType("acme.User", {"name": t.FieldType(t.STRING)})

GOOD = [
    ("int", t.INT),
    ("  uint ", t.UINT),
    ("null_type", t.NULL),
    ("timestamp", t.TIMESTAMP),
    ("google.protobuf.Duration", t.DURATION),
    ("google.protobuf.StringValue", t.WrapperType(t.STRING)),
    ("list", t.ListType(t.DYN)),
    ("map", t.MapType(t.DYN, t.DYN)),
    ("list( list(bytes) )", t.ListType(t.ListType(t.BYTES))),
    ("map(string,dyn)", t.MapType(t.STRING, t.DYN)),
    ("optional_type(int)", t.OptionalType(t.INT)),
    ("net.IP", t.AbstractType("net.IP")),
    ("list(net.CIDR)", t.ListType(t.AbstractType("net.CIDR"))),
    ("wrapper(double)", t.WrapperType(t.DOUBLE)),
    ("type", t.TypeType()),
    ("type(int)", t.TypeType(t.INT)),
    ("map(int, acme.User)", t.MapType(t.INT, USER)),
]

BAD = [
    ("", "expected a type (in ``)"),
    ("()", "expected a type, found `(` (in `()`)"),
    ("strin", "there is no type `strin`, did you mean `string`? (in `strin`)"),
    ("acme.Usr", "there is no type `acme.Usr`, did you mean `acme.User`? (in `acme.Usr`)"),
    ("int(string)", "`int` takes no types in parentheses (in `int(string)`)"),
    ("optional_type", "`optional_type` needs a type in parentheses (in `optional_type`)"),
    ("list(int, int)", "`list` takes 1 type, 2 given (in `list(int, int)`)"),
    ("map(int)", "`map` takes 2 types, 1 given (in `map(int)`)"),
    ("map(double, int)", "`double` cannot be the key of a map (in `map(double, int)`)"),
    ("wrapper(list)", "there is no wrapper of `list(dyn)` (in `wrapper(list)`)"),
    ("list(int", "missing `)` (in `list(int`)"),
    ("list(int]", "expected `)`, found `]` (in `list(int]`)"),
    ("list()", "expected a type, found `)` (in `list()`)"),
    ("int int", "unexpected `int` (in `int int`)"),
    ("int\n;", "unexpected `\n` (in `int\n;`)"),
]


@pytest.mark.parametrize(("text", "expected"), GOOD)
def test_a_type_is_read(text: str, expected: t.Type) -> None:
    assert parse_type(text, {"acme.User": USER}) == expected


@pytest.mark.parametrize(("text", "message"), BAD)
def test_a_wrong_type_says_what_is_wrong(text: str, message: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole message is compared
        parse_type(text, {"acme.User": USER})
    assert str(caught.value) == message


@pytest.mark.parametrize("type_", [row[1] for row in GOOD])
def test_what_a_type_prints_is_read_back(type_: t.Type) -> None:
    assert parse_type(str(type_), {"acme.User": USER}) == type_


def test_deep_nesting_is_refused_without_recursion() -> None:
    with pytest.raises(ValueError, match="nested more than 32 deep"):
        parse_type("list(" * 100_000)
