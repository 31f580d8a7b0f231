"""What a host gives, and what it gets back."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

pytest.importorskip("google.protobuf", reason="there is no protobuf")

from conformance_types import PACKAGE, file_set
from google.protobuf import message_factory, timestamp_pb2, type_pb2, wrappers_pb2
from google.protobuf.descriptor_pb2 import FileDescriptorSet

from policyengine import cel
from policyengine.protobuf import Messages, ProtobufMessage
from policyengine.protobuf.files import read_files
from policyengine.values.times import Timestamp

PROTO3 = f"{PACKAGE}.proto3"
ALL_TYPES = f"{PROTO3}.TestAllTypes"
MESSAGES = Messages(file_set())


# A host's class, by descriptors of its own.
HOST = next(
    message_factory.GetMessageClass(file.message_types_by_name["TestAllTypes"])
    for file in read_files(file_set())
    if file.package == PROTO3
)


def made(**fields: Any) -> Any:
    return HOST(**fields)


def evaluated(text: str, variables: dict[str, str], bindings: dict[str, Any]) -> Any:
    environment = cel.Environment(variables, container=PROTO3, messages=MESSAGES)
    return environment.compile(text).evaluate(bindings)


def test_descriptors_come_as_a_set_as_bytes_or_from_generated_code() -> None:
    for descriptors in (file_set(), file_set().SerializeToString()):
        assert ALL_TYPES in Messages(descriptors).types
    generated = Messages([type_pb2.DESCRIPTOR])
    assert "google.protobuf.Field.Kind.TYPE_BOOL" in generated.constants
    # What a file imports is there too.
    assert "google.protobuf.SourceContext" in generated.types


def test_the_order_of_files_in_a_set_does_not_matter() -> None:
    files = FileDescriptorSet()
    for name, imports in (("b.proto", ["a.proto"]), ("a.proto", [])):
        files.file.add(name=name, package="t", syntax="proto3", dependency=imports)
    files.file[0].message_type.add(name="B").field.add(
        name="a", number=1, label=1, type=11, type_name=".t.A"
    )
    files.file[1].message_type.add(name="A")
    assert {"t.A", "t.B"} <= set(Messages(files).types)


@pytest.mark.parametrize(
    ("descriptors", "message"),
    [
        (b"\xff\xff", "no FileDescriptorSet"),
        (
            FileDescriptorSet(file=[{"name": "a.proto", "dependency": ["b.proto"]}]),
            "lack what they import: b.proto",
        ),
        (
            FileDescriptorSet(
                file=[
                    {"name": "a.proto", "dependency": ["b.proto"]},
                    {"name": "b.proto", "dependency": ["a.proto"]},
                ]
            ),
            "files that import each other",
        ),
        (
            FileDescriptorSet(
                file=[
                    {
                        "name": "a.proto",
                        "message_type": [
                            {
                                "name": "A",
                                "field": [
                                    {"name": "b", "number": 1, "type": 11, "type_name": ".B"}
                                ],
                            }
                        ],
                    }
                ]
            ),
            "a.proto is not valid",
        ),
    ],
)
def test_descriptors_that_are_wrong_are_refused(descriptors: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Messages(descriptors)


def test_messages_of_other_descriptors_are_read_again() -> None:
    held = made(single_int64=7, repeated_string=["a", "b"])
    variables = {"x": ALL_TYPES}
    assert evaluated("x.single_int64 + size(x.repeated_string)", variables, {"x": held}) == 9
    same = "x == TestAllTypes{single_int64: 7, repeated_string: ['a', 'b']}"
    assert evaluated(same, variables, {"x": held}) is True


def test_lists_and_maps_of_messages_are_values() -> None:
    many = [made(single_int64=number) for number in range(4)]
    variables = {"xs": f"list({ALL_TYPES})", "by": f"map(string, {ALL_TYPES})"}
    bindings = {"xs": many, "by": {"two": many[2]}}
    text = "xs.filter(x, x.single_int64 > 1).map(x, x.single_int64) == [2, 3] && by.two in xs"
    assert evaluated(text, variables, bindings) is True


def test_well_known_messages_are_plain_values() -> None:
    assert MESSAGES.value(wrappers_pb2.UInt32Value(value=3)) == 3
    assert MESSAGES.value(timestamp_pb2.Timestamp(seconds=1, nanos=5)) == Timestamp(1_000_000_005)
    assert evaluated("x + 1", {"x": "int"}, {"x": wrappers_pb2.Int64Value(value=2)}) == 3


def test_a_message_comes_back_as_protobuf_holds_it() -> None:
    given = evaluated("TestAllTypes{single_string: 'a', map_string_string: {'k': 'v'}}", {}, {})
    assert isinstance(given, ProtobufMessage)
    assert (
        given.held.SerializeToString()
        == made(single_string="a", map_string_string={"k": "v"}).SerializeToString()
    )


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ({"single_int64": 1}, "type-mismatch"),
        ("text", "type-mismatch"),
        (type_pb2.Field(number=1), "no-such-type"),
        (wrappers_pb2.Int64Value(value=1), "type-mismatch"),
    ],
)
def test_a_variable_holds_the_message_that_it_is_declared_to(value: Any, code: str) -> None:
    with pytest.raises(cel.EvaluationError) as caught:
        evaluated("x.single_int64 > 0", {"x": ALL_TYPES}, {"x": value})
    assert caught.value.code == code


def test_the_fields_of_a_message_are_variables() -> None:
    held = made(single_int64=7)
    held.single_any.type_url = "type.googleapis.com/no.Such"
    held.single_any.value = b"1"
    fields = MESSAGES.fields(held)
    assert (fields["single_int64"], fields["single_bool"], fields["single_int64_wrapper"]) == (
        7,
        False,
        None,
    )
    # What cannot be read is not there, so that an expression that needs it fails.
    assert "single_any" not in fields
    with pytest.raises(ValueError, match="no fields"):
        MESSAGES.fields(wrappers_pb2.Int64Value(value=1))


def test_cel_and_deciding_import_no_protobuf() -> None:
    code = (
        "import sys, policyengine\n"
        "from policyengine import cel\n"
        "cel.Environment(extensions=['protos']).compile('google.protobuf.Int32Value{value: 1}')"
        ".evaluate({})\n"
        "assert not [name for name in sys.modules if name.startswith('google')]"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
