"""Extension fields of protobuf messages: `proto.getExt(message, acme.note)`."""

from __future__ import annotations

from policyengine.cel.functions import Library

LIBRARY = Library(
    name="protos",
    functions=(),
    doc="`proto.getExt(m, acme.note)` reads an extension field of a protobuf message by its full "
    "name, `proto.hasExt(m, acme.note)` asks whether it is set.",
    macros=("proto.getExt", "proto.hasExt"),
)
