"""Compiled programs as bytes: plain data and code, behind a header that says who can read it.

    magic | format | tag of this Python | sizes, SHA-256 of the head, CRC-32 of the rest
    the head: marshalled plain data | the rest: blobs, which are read when they are needed

The head is made of tuples, dicts, strings, numbers and a code object. A dataclass is a tuple with
its number in front; only classes that the reader names are ever made.

The bytes hold Python code. Whoever can change them can run anything in the process that loads
them: trust and guard them like code. The sums find damage, not malice.
"""

from __future__ import annotations

import hashlib
import marshal
import os
import struct
import sys
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from importlib.util import MAGIC_NUMBER
from pathlib import Path
from types import CodeType
from typing import Any, Final, Generic, TypeVar, overload

from policyengine.errors import ProgramError

T = TypeVar("T")

MAGIC: Final = b"policyengine program\n"
# Raised when generated code, or what it calls, changes its meaning.
FORMAT: Final = 8
# Items of a stored sequence that are read together.
CHUNK: Final = 64

_TUPLE: Final = -1
_LIST: Final = -2
_NESTED: Final = (tuple, dict)
# Sizes of the head and of the rest, SHA-256 of the head, CRC-32 of the rest.
_SUMS: Final = struct.Struct(">QQ32sI")

Classes = tuple[type, ...]
"""The dataclasses that may be in a file, in an order that is part of its format."""


class Stored(Sequence[T], Generic[T]):
    """A sequence that is read in chunks, each when one of its items is first asked for."""

    __slots__ = ("_chunks", "_length", "_made", "_read")

    def __init__(
        self, length: int, chunks: Sequence[bytes], read: Callable[[bytes], Sequence[T]]
    ) -> None:
        self._length = length
        self._chunks = chunks
        self._read = read
        self._made: dict[int, Sequence[T]] = {}

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, index: int) -> T: ...

    @overload
    def __getitem__(self, index: slice) -> list[T]: ...

    def __getitem__(self, index: int | slice) -> T | list[T]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(self._length))]
        if not 0 <= index < self._length:
            raise IndexError(index)
        number, place = divmod(index, CHUNK)
        chunk = self._made.get(number)
        if chunk is None:
            chunk = self._made[number] = self._read(self._chunks[number])
        return chunk[place]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(map(lambda a, b: a == b, self, other))

    __hash__ = None  # type: ignore[assignment]


class Writer:
    """Gathers the blobs of a file, and puts it together. `classes` may be in it."""

    def __init__(self, classes: Classes) -> None:
        self._numbers = {cls: number for number, cls in enumerate(classes)}
        self._blobs: list[bytes] = []

    def blobs(self, blobs: Iterable[bytes]) -> tuple[int, int]:
        """Adds blobs; gives where they begin and end, for `Reader.blobs`."""
        start = len(self._blobs)
        self._blobs.extend(blobs)
        return start, len(self._blobs)

    def sequence(self, items: Sequence[Any]) -> tuple[int, int, int]:
        """Adds the items of a sequence in chunks; gives what `Reader.sequence` wants."""
        chunks = [items[start : start + CHUNK] for start in range(0, len(items), CHUNK)]
        made = [marshal.dumps([self._encoded(item) for item in chunk]) for chunk in chunks]
        return (len(items), *self.blobs(made))

    def file(self, value: Any) -> bytes:
        """The bytes of a value and of all blobs. Raises `ProgramError` for what is not plain."""
        head = marshal.dumps((self._encoded(value), tuple(map(len, self._blobs))))
        rest = b"".join(self._blobs)
        sums = _SUMS.pack(len(head), len(rest), hashlib.sha256(head).digest(), zlib.crc32(rest))
        return b"".join([_header(), sums, head, rest])

    def _encoded(self, value: Any) -> Any:
        match value:
            case None | bool() | int() | float() | str() | CodeType():
                return value
            case tuple():
                return (_TUPLE, *map(self._encoded, value))
            case list():
                return (_LIST, *map(self._encoded, value))
            case Mapping():
                return {self._encoded(k): self._encoded(item) for k, item in value.items()}
        number = self._numbers.get(type(value))
        if number is None:
            raise ProgramError(f"a program cannot hold a {type(value).__name__}")
        return (number, *(self._encoded(getattr(value, f.name)) for f in fields(value)))


class Reader:
    """Reads a file that a `Writer` with the same classes made; `value` is what was put in.

    Raises `ProgramError` for bytes that are cut off, changed or something else, or that another
    version of Python or of this library made.
    """

    def __init__(self, data: bytes, classes: Classes) -> None:
        header = _header()
        if not data.startswith(MAGIC):
            raise ProgramError("this is no compiled program")
        if not data.startswith(header):
            raise ProgramError(
                "the program was compiled by another version of Python or of policyengine: "
                "compile it again"
            )
        self._classes = classes
        start = len(header) + _SUMS.size
        view = memoryview(data)
        try:
            size, length, digest, check = _SUMS.unpack(view[len(header) : start])
        except struct.error as error:
            raise _damaged() from error
        head, rest = view[start : start + size], view[start + size :]
        whole = len(head) == size and len(rest) == length
        if not whole or hashlib.sha256(head).digest() != digest or zlib.crc32(rest) != check:
            raise _damaged()
        value, sizes = self._loaded(head)
        self._blobs: list[memoryview] = []
        for each in sizes:
            self._blobs.append(rest[:each])
            rest = rest[each:]
        self.value = self._decoded(value)

    def blobs(self, place: tuple[int, int]) -> tuple[bytes, ...]:
        """The blobs of which `Writer.blobs` gave the place."""
        start, end = place
        return tuple(self._blobs[start:end])  # type: ignore[arg-type]

    def sequence(self, place: tuple[int, int, int]) -> Sequence[Any]:
        """The sequence of which `Writer.sequence` gave the place."""
        length, start, end = place
        return Stored(length, self.blobs((start, end)), self._items)

    def _items(self, chunk: bytes) -> list[Any]:
        return [self._decoded(item) for item in self._loaded(chunk)]

    def _loaded(self, data: Any) -> Any:
        try:
            return marshal.loads(data)  # noqa: S302 - a program is code
        except (ValueError, TypeError, EOFError) as error:
            raise _damaged() from error

    def _decoded(self, value: Any) -> Any:
        try:
            return _decoded(value, self._classes)
        except (TypeError, IndexError, RecursionError) as error:
            raise _damaged() from error


def _damaged() -> ProgramError:
    return ProgramError("the compiled program is damaged")


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
