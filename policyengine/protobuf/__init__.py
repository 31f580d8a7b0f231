"""Protobuf messages in CEL, of the types that a host describes.

It needs the package `protobuf` (the extra `protobuf`), which nothing else of policyengine imports.

>>> from google.protobuf import timestamp_pb2, type_pb2
>>> from policyengine.cel import Environment
>>> messages = Messages([type_pb2.DESCRIPTOR])
>>> env = Environment({"f": "google.protobuf.Field"}, messages=messages)
>>> env.compile("f.number > 3 && f.name == ''").evaluate({"f": type_pb2.Field(number=7)})
True
"""

from __future__ import annotations

try:
    from google.protobuf import message as _there  # noqa: F401 - only whether it is
except ModuleNotFoundError:
    raise ModuleNotFoundError(
        "messages need protobuf: pip install 'policyengine-gateway[protobuf]'",
        name="google.protobuf",
    ) from None

from policyengine.protobuf.message import ProtobufMessage
from policyengine.protobuf.messages import Messages

__all__ = ["Messages", "ProtobufMessage"]
