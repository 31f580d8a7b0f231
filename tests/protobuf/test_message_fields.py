"""Messages in expressions, evaluated three ways: fields, presence, equality, mistakes."""

from __future__ import annotations

import math
from typing import Any

import pytest

pytest.importorskip("google.protobuf", reason="there is no protobuf")

from conformance import outcomes
from conformance_types import PACKAGE, file_set
from hypothesis import given
from hypothesis import strategies as st

from policyengine import cel
from policyengine.protobuf import Messages
from policyengine.values.compare import equal
from policyengine.values.kinds import UInt, type_name

MESSAGES = Messages(file_set())
ENVIRONMENTS = {
    name: cel.Environment(
        {"x": "dyn"}, container=f"{PACKAGE}.{name}", messages=MESSAGES, extensions=["optionals"]
    )
    for name in ("proto2", "proto3")
}
BOTH = pytest.mark.parametrize("syntax", ENVIRONMENTS)


def result(text: str, syntax: str = "proto3", x: Any = None, *, check: bool = True) -> Any:
    """The value, or the code of the error, that all three ways give."""
    program = ENVIRONMENTS[syntax].compile(text, check=check)
    first, *others = outcomes(program, {"x": x})
    for other in others:
        if isinstance(first, cel.EvaluationError):
            assert getattr(other, "code", None) == first.code
        else:
            assert type_name(first) == type_name(other)
            assert equal(first, other) or first != first
    return first.code if isinstance(first, cel.EvaluationError) else first


@BOTH
@pytest.mark.parametrize(
    ("field", "value", "beyond"),
    [
        ("int32", "2147483647", "2147483648"),
        ("int32", "-2147483648", "-2147483649"),
        ("sint32", "2147483647", "2147483648"),
        ("sfixed32", "-2147483648", "-2147483649"),
        ("uint32", "4294967295u", "4294967296u"),
        ("fixed32", "4294967295u", "4294967296u"),
        ("int32_wrapper", "2147483647", "2147483648"),
        ("uint32_wrapper", "4294967295u", "4294967296u"),
        ("nested_enum", "2", "2147483648"),
    ],
)
def test_a_number_that_does_not_fit_is_an_error(
    syntax: str, field: str, value: str, beyond: str
) -> None:
    assert result(f"TestAllTypes{{single_{field}: {value}}}.single_{field} == {value}", syntax)
    assert result(f"TestAllTypes{{single_{field}: {beyond}}}", syntax) == "overflow"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("single_int32", "1u"), ("single_int32", "1.0"), ("single_int32", "true"),
        ("single_uint64", "1"), ("single_double", "1"), ("single_bool", "1"),
        ("single_string", "b'a'"), ("single_bytes", "'a'"), ("single_int32", "null"),
        ("single_int32_wrapper", "'a'"), ("single_timestamp", "duration('1s')"),
        ("single_duration", "1"), ("single_nested_message", "{'bb': 1}"),
        ("single_nested_message", "NestedTestAllTypes{}"), ("repeated_int32", "1"),
        ("repeated_int32", "['a']"), ("map_string_string", "[]"), ("map_string_string", "{1: 'a'}"),
        ("map_int32_int64", "{2147483648: 'a'}"), ("single_struct", "[]"), ("list_value", "{}"),
        ("single_nested_enum", "'BAR'"), ("repeated_struct", "[null]"),
    ],
)  # fmt: skip
def test_a_value_of_another_type_is_an_error(field: str, value: str) -> None:
    code = result(f"TestAllTypes{{{field}: dyn({value})}}", check=False)
    assert code in ("bad-conversion", "overflow")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("TestAllTypes{}.single_timestamp == timestamp(0)", True),
        ("TestAllTypes{}.single_struct.size() + TestAllTypes{}.list_value.size()", 0),
        ("TestAllTypes{}.standalone_message.bb", 0),
        ("has(TestAllTypes{}.standalone_message.bb)", False),
        ("has(TestAllTypes{single_double: -0.0}.single_double)", True),
        ("has(TestAllTypes{single_double: 0.0}.single_double)", False),
        ("has(TestAllTypes{optional_bool: false}.optional_bool)", True),
        ("has(TestAllTypes{single_bool: false}.single_bool)", False),
        ("has(TestAllTypes{oneof_bool: true, oneof_msg: null}.oneof_bool)", True),
        (
            "TestAllTypes{oneof_bool: true, oneof_msg: TestAllTypes.NestedMessage{}}.oneof_bool",
            False,
        ),
        ("TestAllTypes{single_duration: duration('-1.5s')}.single_duration", "-1.5s"),
        ("TestAllTypes{null_value: null}.null_value == null", True),
        ("TestAllTypes{null_value: dyn(1)}", "bad-conversion"),
        ("has(TestAllTypes{single_any: null}.single_any)", True),
        ("TestAllTypes{single_nested_message: null} == TestAllTypes{}", True),
        ("TestAllTypes{single_float: 1e300}.single_float", math.inf),
        ("TestAllTypes{single_value: [1, {'a': null}]}.single_value == [1.0, {'a': null}]", True),
        ("TestAllTypes{}.single_any == null", True),
        ("google.protobuf.Any{}", "no-such-type"),
        ("TestAllTypes{repeated_nested_message: [null]} == TestAllTypes{}", True),
        ("TestAllTypes{single_value: dyn({1: 2})}", "bad-conversion"),
        ("TestAllTypes{} in [TestAllTypes{}]", True),
        ("TestAllTypes{} in {1: TestAllTypes{}}", False),
        ("[TestAllTypes{single_int32: 1}] == [TestAllTypes{single_int32: 2}]", False),
        ("type(TestAllTypes{}) == TestAllTypes", True),
        ("TestAllTypes{?single_int32: optional.none()} == TestAllTypes{}", True),
        ("TestAllTypes{}.?standalone_message.?bb.orValue(3)", 3),
        ("TestAllTypes{single_int32: 4}.?single_int32.orValue(3)", 4),
        ("optional.ofNonZeroValue(TestAllTypes{}).hasValue()", False),
        ("optional.ofNonZeroValue(TestAllTypes{single_int32: 1}).hasValue()", True),
        ("TestAllTypes{single_value: TestAllTypes{single_int64: 1}}.single_value.singleInt64", "1"),
        ("TestAllTypes{}.no_such", "no-such-field"),
        ("has(dyn(TestAllTypes{}).no_such)", "no-such-field"),
        ("TestAllTypes{no_such: 1}", "no-such-field"),
        ("TestAllTypes{} < TestAllTypes{}", "no-such-overload"),
        ("size(dyn(TestAllTypes{}))", "no-such-overload"),
        ("TestAllTypes{}['single_int32']", "no-such-overload"),
        ("{TestAllTypes{}: 1}", "bad-key"),
        ("google.protobuf.Any{type_url: 'x/no.Such', value: b'1'}", "no-such-type"),
    ],
)  # fmt: skip
def test_fields_presence_and_equality(text: str, value: Any) -> None:
    found = result(text, check=False)
    if value == "-1.5s":
        found = f"{found.nanoseconds / 1e9}s"
    assert equal(found, value), found


def test_a_closed_enum_has_no_other_numbers_and_an_open_one_has() -> None:
    assert result("TestAllTypes{standalone_enum: 77}.standalone_enum") == 77
    assert result("TestAllTypes{standalone_enum: 77}", "proto2") == "bad-conversion"


def test_text_that_is_no_unicode_is_an_error() -> None:
    assert result("TestAllTypes{single_string: x}", x="\ud800", check=False) == "bad-conversion"


def test_bytes_that_are_no_message_are_an_error_that_does_not_show_them() -> None:
    text = f"google.protobuf.Any{{type_url: 'a/{PACKAGE}.proto3.TestAllTypes', value: x}}"
    program = ENVIRONMENTS["proto3"].compile(text)
    with pytest.raises(cel.EvaluationError) as caught:
        program.evaluate({"x": b"\xffsecret"})
    assert caught.value.code == "bad-conversion"
    assert "secret" not in caught.value.message


def test_the_unknown_type_of_what_is_packed_is_not_shown() -> None:
    program = ENVIRONMENTS["proto3"].compile("google.protobuf.Any{type_url: x, value: b'1'}")
    with pytest.raises(cel.EvaluationError) as caught:
        program.evaluate({"x": "type.googleapis.com/secret"})
    assert caught.value.code == "no-such-type"
    assert "secret" not in caught.value.message


@pytest.mark.parametrize("depth", [90, 400])
def test_what_is_packed_deep_ends_in_a_value_or_an_error(depth: int) -> None:
    packed: Any = 1
    pack = ENVIRONMENTS["proto3"].compile("TestAllTypes{single_any: x}")
    for _ in range(depth):
        packed = pack.evaluate({"x": packed})
    assert result("x == x", x=packed) is True
    assert result("x.single_any.single_any == x", x=packed) is False


def test_unknown_fields_count_when_messages_are_compared() -> None:
    name = f"{PACKAGE}.proto3.TestAllTypes.NestedMessage"
    one, other = (
        MESSAGES.value(MESSAGES.parsed(name, data)) for data in (b"\x08\x01", b"\x08\x01\x78\x02")
    )
    assert not equal(one, other)
    assert equal(other, MESSAGES.value(MESSAGES.parsed(name, b"\x78\x02\x08\x01")))


@pytest.mark.parametrize(
    "packed",
    [
        ("no.Such", b""),
        (f"{PACKAGE}.proto3.TestAllTypes", b"\xff"),
        ("google.protobuf.Timestamp", b"\x08\xff\xff\xff\xff\xff\xff\x7f"),
    ],
)
def test_a_message_that_has_no_json_is_an_error(packed: tuple[str, bytes]) -> None:
    message = MESSAGES.makers[f"{PACKAGE}.proto3.TestAllTypes"]({})
    message.held.single_any.type_url, message.held.single_any.value = f"a/{packed[0]}", packed[1]
    assert result("TestAllTypes{single_value: x}", x=message) == "bad-conversion"


STRONG = cel.Environment(
    {"x": f"{PACKAGE}.proto3.TestAllTypes"},
    container=f"{PACKAGE}.proto3",
    messages=Messages(file_set(), strong_enums=True),
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("GlobalEnum.GAR == GlobalEnum('GAR')", True),
        ("GlobalEnum.GAR in [GlobalEnum.GAZ]", False),
        ("dyn(GlobalEnum.GAR) == dyn(1)", False),
        ("dyn(GlobalEnum.GAR) == dyn(TestAllTypes.NestedEnum.BAR)", False),
        ("int(x.standalone_enum) + int(TestAllTypes.NestedEnum.BAR)", 1),
        ("TestAllTypes{standalone_enum: GlobalEnum.GAR}", None),
        ("TestAllTypes{standalone_enum: 1}", None),
        ("GlobalEnum.GAR == 1", None),
        ("GlobalEnum.GAR < GlobalEnum.GAZ", None),
    ],
)
def test_an_enum_may_be_a_type_of_its_own(text: str, value: Any) -> None:
    if value is None:
        with pytest.raises(cel.CompileError):
            STRONG.compile(text)
        return
    held = Messages(file_set()).makers[f"{PACKAGE}.proto3.TestAllTypes"]({}).held
    assert STRONG.compile(text).evaluate({"x": held}) == value


def test_messages_of_two_environments_are_never_equal() -> None:
    other = Messages(file_set()).makers[f"{PACKAGE}.proto3.TestAllTypes"]({})
    assert result("x == TestAllTypes{}", x=other) is False


_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "single_int32": st.integers(-(1 << 31), (1 << 31) - 1),
    "single_int64": st.integers(-(1 << 63), (1 << 63) - 1),
    "single_uint64": st.integers(0, (1 << 64) - 1).map(UInt),
    "single_double": st.floats(),
    "single_float": st.floats(width=32),
    "single_string": st.text(st.characters(exclude_categories=["Cs"])),
    "single_bytes": st.binary(),
    "single_int64_wrapper": st.none() | st.integers(-(1 << 63), (1 << 63) - 1),
    "single_value": st.recursive(
        st.none() | st.booleans() | st.floats() | st.text("ab"),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text("ab"), inner, max_size=3)
        ),
        max_leaves=8,
    ),
    "repeated_bool": st.lists(st.booleans()),
    "map_int32_int64": st.dictionaries(st.integers(-9, 9), st.integers(-9, 9)),
}  # fmt: skip


def shown(value: Any) -> str:
    """The value as text, in which `nan` is like `nan`; protobuf's maps have no order."""
    if isinstance(value, list):
        return repr([shown(item) for item in value])
    if isinstance(value, dict):
        return repr(sorted((shown(key), shown(item)) for key, item in value.items()))
    return repr(value)


@given(st.data(), st.sampled_from(sorted(_VALUES)))
def test_what_is_put_in_comes_out(data: st.DataObject, field: str) -> None:
    value = data.draw(_VALUES[field])
    made = MESSAGES.makers[f"{PACKAGE}.proto3.TestAllTypes"]({field: value})
    assert shown(made.field(field)) == shown(value)
    again = MESSAGES.value(MESSAGES.parsed(made.CEL_TYPE, made.held.SerializeToString()))
    assert shown(again.field(field)) == shown(value)
    assert equal(made, again) or "nan" in repr(value)


def test_nothing_multiplies_in_loops() -> None:
    made = MESSAGES.makers[f"{PACKAGE}.proto3.TestAllTypes"]
    large = made({"repeated_int64": list(range(3_000))})
    for text in (
        "x.repeated_int64.all(a, x == x)",
        "x.repeated_int64.all(a, TestAllTypes{repeated_int64: x.repeated_int64} != null)",
        "x.repeated_int64.all(a, TestAllTypes{single_any: x} != null)",
    ):
        assert result(text, x=large) == "cost-exceeded"
    assert result("x.repeated_int64.all(a, x.repeated_int64[0] <= a)", x=large) is True


@pytest.mark.parametrize(
    ("text", "slug", "help"),
    [
        ("TestAllTypes{single_in32: 1}", "unknown-field", "did you mean `single_int32`?"),
        ("TestAllTypes{}.single_strnig", "unknown-field", "did you mean"),
        ("TestAllTypes{single_int32: 'a'}", "type-mismatch", ""),
        ("TestAllTypes{single_int32: null}", "type-mismatch", ""),
        ("TestAllType{}", "unknown-type", "did you mean `TestAllTypes`?"),
        ("GlobalEnum.GARR", "unknown-enum-value", "did you mean `GlobalEnum.GAR`?"),
        ("proto3.GlobalEnum.NONE", "unknown-enum-value", "its values are `GAR`, `GAZ`, `GOO`"),
        ("TestAllTypes.NestedEnum.X", "not-selectable", "are `BAR`, `BAZ`, `FOO`"),
        ("TestAllTypes{}.single_int32 == 'a'", "no-matching-overload", ""),
        ("proto.getExt(TestAllTypes{}, a.b)", "unknown-function", "library `protos`"),
    ],
)
def test_mistakes_are_found_before_anything_runs(text: str, slug: str, help: str) -> None:
    with pytest.raises(cel.CompileError) as caught:
        ENVIRONMENTS["proto3"].compile(text)
    found = caught.value.diagnostics[0]
    assert found.slug == slug
    assert help in f"{found.message} {found.note} {found.help}"


def test_abbreviations_stand_for_qualified_names() -> None:
    names = [f"{PACKAGE}.proto3.TestAllTypes.NestedEnum", f"{PACKAGE}.proto2.TestAllTypes"]
    environment = cel.Environment(messages=MESSAGES, abbreviations=names)
    assert environment.compile("NestedEnum.BAZ + TestAllTypes{}.single_int32").evaluate({}) == -30
    assert environment.compile("type(TestAllTypes{}) == TestAllTypes").evaluate({}) is True
    for wrong in (["a"], ["a.b", "c.b"], ["a."]):
        with pytest.raises(ValueError, match=r"qualified name|same last part"):
            cel.Environment(abbreviations=wrong)
