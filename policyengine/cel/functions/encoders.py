"""The `encoders` extension, as cel-spec and cel-go define it."""

from __future__ import annotations

from policyengine.cel.functions import Example, Function, Library
from policyengine.cel.functions._rows import risky
from policyengine.cel.types import BYTES, STRING

FUNCTIONS: tuple[Function, ...] = (
    Function(
        "base64.encode",
        (risky("base64_encode_bytes", (BYTES,), STRING),),
        "encodings.base64_encode",
        "Bytes as base64, with padding.",
        (
            Example("base64.encode(b'hello')", "'aGVsbG8='"),
            Example("base64.encode(dyn('hello'))", error="no-such-overload"),
        ),
    ),
    Function(
        "base64.decode",
        (risky("base64_decode_string", (STRING,), BYTES),),
        "encodings.base64_decode",
        "The bytes of a base64 text, with or without padding.",
        (
            Example("base64.decode('aGVsbG8=')", "b'hello'"),
            Example("base64.decode('aGVsbG8')", "b'hello'"),
            Example("base64.decode('a*b=')", error="bad-conversion"),
        ),
    ),
)

LIBRARY = Library(
    name="encoders",
    functions=FUNCTIONS,
    doc="Base64, in the standard alphabet.",
)
