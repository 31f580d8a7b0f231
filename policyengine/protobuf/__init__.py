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

from policyengine.protobuf.message import ProtobufMessage
from policyengine.protobuf.messages import Messages

__all__ = ["Messages", "ProtobufMessage"]
