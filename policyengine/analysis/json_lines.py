"""Files of JSON lines, perhaps gzipped: their lines, and what is wrong with one."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterator
from typing import Final

# Of a file once it is unpacked, so that a small one cannot fill the memory.
MAX_BYTES: Final = 256 << 20
MAX_ROWS: Final = 1_000_000


class LineError(ValueError):
    """A file that cannot be read; `line` is 0 for the file as a whole."""

    def __init__(self, name: str, line: int, message: str) -> None:
        super().__init__(f"{name}:{line}: {message}" if line else f"{name}: {message}")
        self.name = name
        self.line = line
        self.message = message


def lines(data: bytes, name: str, error: type[LineError]) -> Iterator[tuple[int, bytes]]:
    """The lines that are not blank, with their numbers. Raises `error` for too many, or too large.

    >>> list(lines(b"{}\\n\\n[]", "some.jsonl", LineError))
    [(1, b'{}\\n'), (3, b'[]')]
    """
    # Line by line: a list of all lines may take many times the memory of the file.
    for number, line in enumerate(io.BytesIO(_unpacked(data, name, error)), start=1):
        if number > MAX_ROWS:
            raise error(name, number, f"there are more than {MAX_ROWS:,} lines")
        if line.strip():
            yield number, line


def _unpacked(data: bytes, name: str, error: type[LineError]) -> bytes:
    if data[:2] == b"\x1f\x8b":
        try:
            with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
                data = file.read(MAX_BYTES + 1)
        except (OSError, EOFError) as cause:
            raise error(name, 0, "this is no whole gzip file") from cause
    if len(data) > MAX_BYTES:
        raise error(name, 0, f"this is larger than {MAX_BYTES >> 20} MiB")
    return data
