"""The classes of CEL's strings and bytes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Self

from policyengine.compat.celpy._numbers import BoolType, held


class StringType(str):
    """A CEL string.

    >>> StringType(b"bytes"), StringType(42), StringType("string").contains("str")
    (StringType('bytes'), StringType('42'), BoolType(True))
    """

    __slots__ = ()

    def __new__(cls, source: Any = "", *_: Any, **__: Any) -> Self:
        """Bytes are read as UTF-8; everything else as `str` does."""
        source = held(source, "") if isinstance(source, Mapping | None) else source
        text = source.decode("utf-8") if isinstance(source, bytes) else str(source)
        return super().__new__(cls, text)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str.__repr__(self)})"

    def contains(self, item: Any) -> BoolType:
        """Whether the string has `item` in it."""
        return BoolType(item in self)


class BytesType(bytes):
    """CEL bytes.

    >>> BytesType("bytes"), BytesType([98, 121]), BytesType(None)
    (BytesType(b'bytes'), BytesType(b'by'), BytesType(b''))
    """

    def __new__(cls, source: Any = b"", *_: Any, **__: Any) -> Self:
        """Raises `TypeError` for what has no bytes."""
        source = held(source, b"")
        if isinstance(source, str):
            return super().__new__(cls, source.encode("utf-8"))
        if isinstance(source, Iterable):
            return super().__new__(cls, source)
        raise TypeError(f"there are no bytes in a {type(source).__name__}")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({bytes.__repr__(self)})"

    def contains(self, item: Any) -> BoolType:
        """Whether the bytes have `item` in them."""
        return BoolType(item in self)
