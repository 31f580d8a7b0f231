"""Compiled programs as bytes: plain data and code, behind a header that says who can read it.

    magic | format | tag of this Python | SHA-256 of the rest | the rest: marshalled plain data

The rest is made of tuples, dicts, strings, numbers and a code object. A dataclass is a tuple with
its number in front; only classes that the reader names are ever made.

The bytes hold Python code. Whoever can change them can run anything in the process that loads
them: trust and guard them like code. The digest finds damage, not malice.
"""

from __future__ import annotations

import hashlib
import marshal
import os
import sys
from collections.abc import Mapping
from dataclasses import fields
from importlib.util import MAGIC_NUMBER
from pathlib import Path
from types import CodeType
from typing import Any, Final

from policyengine.errors import ProgramError

MAGIC: Final = b"policyengine program\n"
# Raised when generated code, or what it calls, changes its meaning.
FORMAT: Final = 2

_TUPLE: Final = -1
_LIST: Final = -2
_NESTED: Final = (tuple, dict)
_HASH: Final = hashlib.sha256().digest_size

Classes = tuple[type, ...]
"""The dataclasses that may be in a file, in an order that is part of its format."""


def packed(value: Any, classes: Classes) -> bytes:
    """The bytes of a value made of plain data, code and instances of `classes`.

    Raises `ProgramError` for anything else.
    """
    body = marshal.dumps(_encoded(value, {cls: number for number, cls in enumerate(classes)}))
    return b"".join([_header(), hashlib.sha256(body).digest(), body])


def unpacked(data: bytes, classes: Classes) -> Any:
    """The value in bytes that `packed` made with the same classes.

    Raises `ProgramError` for bytes that are cut off, changed or something else, or that another
    version of Python or of this library made.
    """
    header = _header()
    if not data.startswith(MAGIC):
        raise ProgramError("this is no compiled program")
    if not data.startswith(header):
        raise ProgramError(
            "the program was compiled by another version of Python or of policyengine: compile it "
            "again"
        )
    body = data[len(header) + _HASH :]
    if hashlib.sha256(body).digest() != data[len(header) : len(header) + _HASH]:
        raise ProgramError("the compiled program is damaged")
    try:
        return _decoded(marshal.loads(body), classes)  # noqa: S302 - a program is code
    except (ValueError, TypeError, EOFError, IndexError, RecursionError) as error:
        raise ProgramError("the compiled program is damaged") from error


def write(path: str | os.PathLike[str], data: bytes) -> None:
    """Write a file, whole or not at all. Raises `OSError`."""
    import tempfile

    target = Path(path)
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, target)
    except BaseException:
        os.unlink(name)
        raise


def _header() -> bytes:
    """What the bytes begin with that this Python and this library make."""
    tag = f"{sys.implementation.cache_tag} {MAGIC_NUMBER.hex()}\n".encode()
    return MAGIC + FORMAT.to_bytes(2, "big") + tag


def _encoded(value: Any, numbers: Mapping[type, int]) -> Any:
    match value:
        case None | bool() | int() | float() | str() | bytes() | CodeType():
            return value
        case tuple():
            return (_TUPLE, *(_encoded(item, numbers) for item in value))
        case list():
            return (_LIST, *(_encoded(item, numbers) for item in value))
        case Mapping():
            return {_encoded(k, numbers): _encoded(item, numbers) for k, item in value.items()}
    number = numbers.get(type(value))
    if number is None:
        raise ProgramError(f"a program cannot hold a {type(value).__name__}")
    return (number, *(_encoded(getattr(value, f.name), numbers) for f in fields(value)))


def _decoded(value: Any, classes: Classes) -> Any:
    if value.__class__ is tuple:
        number = value[0]
        items = [_decoded(v, classes) if v.__class__ in _NESTED else v for v in value[1:]]
        if number >= 0:
            return classes[number](*items)
        return tuple(items) if number == _TUPLE else items
    if value.__class__ is dict:
        return {_decoded(key, classes): _decoded(item, classes) for key, item in value.items()}
    return value
