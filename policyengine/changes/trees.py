"""Files of a commit, read from git without a checkout. Symbolic links are never followed."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from policyengine.changes.repository import FETCH_ALL, ChangeError, Repository, opened

MAX_FILES = 5_000
MAX_BYTES = 64 * 1024 * 1024
_FILE_MODES = ("100644", "100755", "100664")


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """A name in a tree: its path as git's bytes, its mode and its object's id."""

    path: bytes
    mode: str
    object: str

    @property
    def is_file(self) -> bool:
        """Whether it is a plain file, neither a symbolic link nor a submodule."""
        return self.mode in _FILE_MODES


def entries(repository: Repository, commit: str, folder: bytes = b"") -> tuple[TreeEntry, ...]:
    """Everything in a commit's tree below a folder (the whole tree by default)."""
    limit = [os.fsdecode(folder)] if folder else []
    output = repository.run("ls-tree", "-r", "-z", "--full-tree", commit, "--", *limit)
    return tuple(map(_entry, output.split(b"\0")[:-1]))


def _entry(record: bytes) -> TreeEntry:
    facts, path = record.split(b"\t", 1)
    mode, _, object = facts.decode("ascii").split(" ")
    return TreeEntry(path, mode, object)


def contents(
    repository: Repository,
    wanted: Iterable[TreeEntry],
    *,
    max_files: int = MAX_FILES,
    max_bytes: int = MAX_BYTES,
    max_each: int = MAX_BYTES,
) -> dict[bytes, bytes]:
    """The contents by path; raises `ChangeError("too-large")` before reading past a limit."""
    wanted = tuple(wanted)
    if not wanted:
        return {}
    if len(wanted) > max_files:
        raise ChangeError("too-large", f"over {max_files} files to read")
    asked = "".join(f"{entry.object}\n" for entry in wanted).encode()
    sizes = _sizes(repository, asked)
    if max(sizes) > max_each or sum(sizes) > max_bytes:
        raise ChangeError("too-large", f"over {min(max_each, max_bytes)} bytes to read")
    output = repository.run("cat-file", "--batch", stdin=asked)
    found = {}
    at = 0
    for entry, size in zip(wanted, sizes, strict=True):
        start = output.index(b"\n", at) + 1
        at = start + size + 1
        found[entry.path] = output[start : at - 1]
    return found


def _sizes(repository: Repository, asked: bytes) -> list[int]:
    answers = repository.run("cat-file", "--batch-check", stdin=asked).decode("ascii")
    words = [line.split(" ") for line in answers.splitlines()]
    if any(len(word) != 3 or word[1] != "blob" for word in words):
        raise ChangeError("missing-objects", "a file is missing from this clone", FETCH_ALL)
    return [int(word[2]) for word in words]


def read(
    repo: Path,
    ref: str,
    folder: str = "",
    *,
    max_files: int = MAX_FILES,
    max_bytes: int = MAX_BYTES,
) -> dict[str, bytes]:
    """The plain files of a folder at a commit, by path from the root of the repository.

    Raises `ChangeError` for an unknown commit, too many files (`max_files`), too many bytes in all
    (`max_bytes`), or a path that is not UTF-8.
    """
    with opened(repo) as repository:
        commit = repository.commit(ref)
        files = [e for e in entries(repository, commit, folder.encode()) if e.is_file]
        read = contents(repository, files, max_files=max_files, max_bytes=max_bytes)
    try:
        return {path.decode("utf-8"): data for path, data in read.items()}
    except UnicodeDecodeError as error:
        raise ChangeError("bad-path", "a file's path is not UTF-8") from error
