"""Descriptors of the message types that cel-spec's conformance tests name, built here.

Only what the tests use is described; their binary values fix the numbers of the fields.
"""

from __future__ import annotations

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
)

PACKAGE = "cel.expr.conformance"
_WELL_KNOWN = ["any", "duration", "empty", "field_mask", "struct", "timestamp", "wrappers"]

_SINGLE = {
    "int32": 1, "int64": 2, "uint32": 3, "uint64": 4, "sint32": 5, "sint64": 6, "fixed32": 7,
    "fixed64": 8, "sfixed32": 9, "sfixed64": 10, "float": 11, "double": 12, "bool": 13,
    "string": 14, "bytes": 15,
}  # fmt: skip
# The names of fields after `single_` and `repeated_`, their types in google.protobuf and how far
# behind 100 and 120 their numbers are.
_KNOWN = {
    "any": ("Any", 0), "duration": ("Duration", 1), "timestamp": ("Timestamp", 2),
    "struct": ("Struct", 3), "value": ("Value", 4), "int64_wrapper": ("Int64Value", 5),
    "int32_wrapper": ("Int32Value", 6), "double_wrapper": ("DoubleValue", 7),
    "float_wrapper": ("FloatValue", 8), "uint64_wrapper": ("UInt64Value", 9),
    "uint32_wrapper": ("UInt32Value", 10), "string_wrapper": ("StringValue", 11),
    "bool_wrapper": ("BoolValue", 12), "bytes_wrapper": ("BytesValue", 13),
}  # fmt: skip
_MAPS = {
    "map_string_string": (61, "string", "string"),
    "map_int64_nested_type": (62, "int64", "NestedTestAllTypes"),
    "map_bool_int64": (67, "bool", "int64"),
    "map_int32_int64": (78, "int32", "int64"),
    "map_int32_enum": (83, "int32", "NestedEnum"),
    "map_bool_duration": (228, "bool", "google.protobuf.Duration"),
    "map_bool_timestamp": (229, "bool", "google.protobuf.Timestamp"),
    "map_bool_any": (246, "bool", "google.protobuf.Any"),
    "map_bool_value": (248, "bool", "google.protobuf.Value"),
    "map_bool_int32_wrapper": (251, "bool", "google.protobuf.Int32Value"),
}
# Words of CEL and of other languages, each the name of a bool, numbered from 500.
_WORDS = (
    "as", "break", "const", "continue", "else", "for", "function", "if", "import", "let", "loop",
    "package", "namespace", "return", "var", "void", "while",
)  # fmt: skip
_DEFAULTS = {
    "single_int32": "-32", "single_int64": "-64", "single_uint32": "32", "single_uint64": "64",
    "single_float": "3", "single_double": "6.4", "single_bool": "true", "single_string": "empty",
    "single_bytes": "none", "single_nested_enum": "BAR",
}  # fmt: skip
_ENUMS = {"NestedEnum", "GlobalEnum", "google.protobuf.NullValue"}


class _File:
    """One of the two versions of the types."""

    def __init__(self, syntax: str) -> None:
        self.package = f"{PACKAGE}.{syntax}"
        self.proto2 = syntax == "proto2"
        self.made = FileDescriptorProto(
            name=f"{syntax}.proto", package=self.package, syntax=syntax,
            dependency=[f"google/protobuf/{name}.proto" for name in _WELL_KNOWN],
        )  # fmt: skip

    def field(
        self, message: DescriptorProto, name: str, number: int, type_: str, repeated: bool = False
    ) -> FieldDescriptorProto:
        label = FieldDescriptorProto.LABEL_REPEATED if repeated else 1
        made = message.field.add(name=name, number=number, label=label)
        self.typed(made, type_)
        if self.proto2 and name in _DEFAULTS:
            made.default_value = _DEFAULTS[name]
        return made

    def typed(self, field: FieldDescriptorProto, type_: str) -> None:
        scalar = getattr(FieldDescriptorProto, f"TYPE_{type_.upper()}", None)
        if scalar is not None:
            field.type = scalar
            return
        enum = type_ in _ENUMS
        field.type = FieldDescriptorProto.TYPE_ENUM if enum else FieldDescriptorProto.TYPE_MESSAGE
        inner = "TestAllTypes." if type_ in ("NestedEnum", "NestedMessage") else ""
        package = "" if type_.startswith("google.") else f"{self.package}."
        field.type_name = f".{package}{inner}{type_}"

    def map(self, message: DescriptorProto, name: str, number: int, key: str, value: str) -> None:
        entry = "".join(part.capitalize() for part in name.split("_")) + "Entry"
        made = message.nested_type.add(name=entry)
        made.options.map_entry = True
        self.field(made, "key", 1, key)
        self.field(made, "value", 2, value)
        field = message.field.add(name=name, number=number, label=3)
        field.type = FieldDescriptorProto.TYPE_MESSAGE
        field.type_name = f".{self.package}.{message.name}.{entry}"

    def enum(self, owner: DescriptorProto | FileDescriptorProto, name: str, *names: str) -> None:
        made = owner.enum_type.add(name=name)
        for number, value in enumerate(names):
            made.value.add(name=value, number=number)

    def optional(self, field: FieldDescriptorProto, message: DescriptorProto) -> None:
        """Presence for a scalar of proto3, which protobuf models as a `oneof` of one."""
        if not self.proto2:
            field.proto3_optional = True
            field.oneof_index = len(message.oneof_decl)
            message.oneof_decl.add(name=f"_{field.name}")


def _all_types(file: _File) -> None:
    message = file.made.message_type.add(name="TestAllTypes")
    file.field(message.nested_type.add(name="NestedMessage"), "bb", 1, "int32")
    file.enum(message, "NestedEnum", "FOO", "BAR", "BAZ")
    message.oneof_decl.add(name="nested_type")
    message.oneof_decl.add(name="kind")
    for name, number in _SINGLE.items():
        file.field(message, f"single_{name}", number, name)
        file.field(message, f"repeated_{name}", number + 30, name, repeated=True)
    for name, (type_, offset) in _KNOWN.items():
        file.field(message, f"single_{name}", 100 + offset, f"google.protobuf.{type_}")
        full = f"google.protobuf.{type_}"
        file.field(message, f"repeated_{name}", 120 + offset, full, repeated=True)
    for name, number, type_, oneof in (
        ("single_nested_message", 21, "NestedMessage", 0),
        ("single_nested_enum", 22, "NestedEnum", 0),
        ("oneof_type", 400, "NestedTestAllTypes", 1),
        ("oneof_msg", 401, "NestedMessage", 1),
        ("oneof_bool", 402, "bool", 1),
    ):
        file.field(message, name, number, type_).oneof_index = oneof
    for name, number, type_ in (
        ("in", 18, "bool"),
        ("standalone_message", 23, "NestedMessage"),
        ("standalone_enum", 24, "NestedEnum"),
        ("list_value", 114, "google.protobuf.ListValue"),
        ("null_value", 115, "google.protobuf.NullValue"),
        ("field_mask", 117, "google.protobuf.FieldMask"),
        ("empty", 118, "google.protobuf.Empty"),
    ):
        file.field(message, name, number, type_)
    file.field(message, "repeated_nested_message", 51, "NestedMessage", repeated=True)
    file.field(message, "repeated_nested_enum", 52, "NestedEnum", repeated=True)
    for name, (number, key, value) in _MAPS.items():
        file.map(message, name, number, key, value)
    for number, name in enumerate(_WORDS, 500):
        file.field(message, name, number, "bool")
    if not file.proto2:
        for name, number in (("optional_bool", 16), ("optional_string", 17)):
            file.optional(file.field(message, name, number, name.partition("_")[2]), message)
    null = file.field(message, "optional_null_value", 116, "google.protobuf.NullValue")
    file.optional(null, message)


def _nested(file: _File) -> None:
    message = file.made.message_type.add(name="NestedTestAllTypes")
    file.field(message, "child", 1, "NestedTestAllTypes")
    file.field(message, "payload", 2, "TestAllTypes")
    file.enum(file.made, "GlobalEnum", "GOO", "GAR", "GAZ")


def _only_in_proto2(file: _File) -> None:
    required = file.made.message_type.add(name="TestRequired")
    label = FieldDescriptorProto.LABEL_REQUIRED
    file.field(required, "required_int32", 1, "int32").label = label
    scope = file.made.message_type.add(name="Proto2ExtensionScopedMessage")
    for owner, name, number, type_, repeated in (
        (file.made, "int32_ext", 1000, "int32", False),
        (file.made, "nested_ext", 1001, "TestAllTypes", False),
        (file.made, "test_all_types_ext", 1002, "TestAllTypes", False),
        (file.made, "nested_enum_ext", 1003, "NestedEnum", False),
        (file.made, "repeated_test_all_types", 1004, "TestAllTypes", True),
        (scope, "int64_ext", 1005, "int64", False),
        (scope, "message_scoped_nested_ext", 1006, "TestAllTypes", False),
        (scope, "nested_enum_ext", 1007, "NestedEnum", False),
        (scope, "message_scoped_repeated_test_all_types", 1008, "TestAllTypes", True),
    ):
        extension = owner.extension.add(name=name, number=number, label=3 if repeated else 1)
        extension.extendee = f".{file.package}.TestAllTypes"
        file.typed(extension, type_)
    file.made.message_type[0].extension_range.add(start=1000, end=2000)


def file_set() -> FileDescriptorSet:
    """Both versions of the types, without the well-known ones that they import.

    >>> [file.name for file in file_set().file]
    ['proto2.proto', 'proto3.proto']
    """
    made = FileDescriptorSet()
    for syntax in ("proto2", "proto3"):
        file = _File(syntax)
        _all_types(file)
        _nested(file)
        if file.proto2:
            _only_in_proto2(file)
        made.file.append(file.made)
    return made
