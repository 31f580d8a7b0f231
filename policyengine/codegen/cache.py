"""Compiled bundles kept in a folder, and compiled again when anything that they came from changed.

An entry holds a program and what it was made of: the listing of each folder that was read and the
SHA-256 of each file. It is used only while all of that is the same. Reading the files costs far
less than parsing them.

An entry is code, so it is only as safe as its folder. A folder or an entry that somebody else
owns or may write is not used, nor written to; a damaged entry is as good as none. Where the
system cannot say who may write (Windows), nothing is kept.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, entry_points, version
from importlib.util import MAGIC_NUMBER
from pathlib import Path
from typing import Any, Final

from policyengine.codegen.compiler import compile_bundle
from policyengine.errors import PolicyEngineError
from policyengine.program import Program, dumps, loads
from policyengine.program_file import FORMAT, write
from policyengine.rules.check import check
from policyengine.rules.files import Files, Folder, folder_of
from policyengine.rules.load import load_files
from policyengine.rules.yaml import DEFAULT_LIMITS, Limits

SUFFIX: Final = ".program"
# Entries that are kept; those that were written longest ago go first.
MOST_ENTRIES: Final = 64

_PRIVATE: Final = 0o700
# Neither through a link nor into a pipe. Windows has none of these, and opens no folders.
_FOLDER: Final = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0)
_ENTRY: Final = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH
_PACKAGE: Final = Path(__file__).resolve().parent.parent


def compile_cached(
    path: str | os.PathLike[str], folder: str | os.PathLike[str] | None = None
) -> Program:
    """The program of the bundle in a folder: from the cache, or loaded, checked and compiled.

    `folder` is the cache; without it, it is `policyengine` in `$XDG_CACHE_HOME` or `~/.cache`. It
    is made if need be, readable by its owner alone. Raises `CompileError` with everything that
    is wrong with the bundle.
    """
    source = folder_of(path)
    cache_folder = Path(folder) if folder is not None else _default()
    name = _name(source)
    with _trusted(cache_folder) as directory:
        found = None if directory is None else _read(directory, name)
        if found is not None:
            return found
    read = _Logged(source)
    program = compile_bundle(check(load_files(read)))
    _keep(cache_folder, name, read, program)
    return program


@dataclass(slots=True)
class _Log:
    """What was read: names by folder, sums by file, by the folders as they were given."""

    listings: dict[str, list[str]] = field(default_factory=dict)
    sums: dict[str, dict[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Logged:
    """The files of a folder, and a log of what was read of them and of folders beside it."""

    files: Files
    log: _Log = field(default_factory=_Log)

    @property
    def root(self) -> str:
        """See `Files`."""
        return self.files.root

    @property
    def identity(self) -> str:
        """See `Files`."""
        return self.files.identity

    def list(self, limits: Limits) -> list[str]:
        """See `Files`."""
        found = self.log.listings[self.root] = self.files.list(limits)
        return found

    def read(self, path: str, most: int) -> bytes:
        """See `Files`."""
        found = self.files.read(path, most)
        self.log.sums.setdefault(self.root, {})[path] = hashlib.sha256(found).hexdigest()
        return found

    def show(self, path: str) -> str:
        """See `Files`."""
        return self.files.show(path)

    def beside(self, path: str) -> Files:
        """See `Files`."""
        return _Logged(self.files.beside(path), self.log)


def _default() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "policyengine"


def _name(source: Files) -> str:
    """The name of the entry of a bundle: its place, and what compiles it."""
    parts = (source.identity, source.root, _compiler())
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest() + SUFFIX


@cache
def _compiler() -> str:
    """What compiles: this Python, this package and the state of its files."""
    files = sorted(file for file in _PACKAGE.rglob("*") if file.suffix not in ("", ".pyc"))
    states = [(str(file), (found := file.stat()).st_mtime_ns, found.st_size) for file in files]
    python = sys.implementation.cache_tag, MAGIC_NUMBER.hex()
    release = ""
    with suppress(PackageNotFoundError):  # In a checkout that is not installed.
        release = version("policyengine-gateway")
    return hashlib.sha256(repr((FORMAT, python, release, states)).encode()).hexdigest()


@cache
def _plugins() -> list[str]:
    """The plug-ins of others, whose code may have prepared what a program holds."""
    found = entry_points()
    return sorted(
        f"{each.group} {each.name} {each.value} {each.dist.version if each.dist else ''}"
        for group in found.groups
        if group.startswith("policyengine.")
        for each in found.select(group=group)
    )


def _is_private(found: os.stat_result) -> bool:
    """Whether nobody but this user can have written a file or a folder."""
    return found.st_uid == os.geteuid() and not found.st_mode & _OTHERS_WRITE


@contextmanager
def _trusted(folder: Path) -> Iterator[int | None]:
    """A descriptor of the folder; none where it is not there or others may write to it."""
    directory = None
    with suppress(OSError):
        directory = os.open(folder, _FOLDER)
    try:
        yield directory if directory is not None and _is_private(os.fstat(directory)) else None
    finally:
        if directory is not None:
            os.close(directory)


def _read(directory: int, name: str) -> Program | None:
    """The program of an entry, if nothing changed that it came from."""
    try:
        handle = os.open(name, _ENTRY, dir_fd=directory)
        with open(handle, "rb") as file:
            found = os.fstat(handle)
            if not stat.S_ISREG(found.st_mode) or not _is_private(found):
                return None
            made_of, _, data = file.read().partition(b"\n")
        if _is_current(json.loads(made_of)):
            return loads(data)
    except (
        OSError,
        ValueError,
        TypeError,
        KeyError,
        AttributeError,
        RecursionError,
        PolicyEngineError,
    ):
        # Not there, damaged, or of folders that are gone: it is compiled anew.
        return None
    return None


def _is_current(made_of: Any) -> bool:
    for root, names in made_of["listings"].items():
        folder = Folder(root)
        if folder.list(DEFAULT_LIMITS) != names:
            return False
        for path, digest in made_of["sums"].get(root, {}).items():
            found = folder.read(path, DEFAULT_LIMITS.file_bytes)
            if hashlib.sha256(found).hexdigest() != digest:
                return False
    return made_of["plugins"] is None or made_of["plugins"] == _plugins()


def _keep(folder: Path, name: str, read: _Logged, program: Program) -> None:
    """Writes an entry, where nobody else can; a full or read-only disk is no reason to fail."""
    asks = any(point.facts for point in program.points.values())
    made_of = {
        "listings": read.log.listings,
        "sums": read.log.sums,
        "plugins": _plugins() if asks else None,
    }
    with suppress(OSError):
        folder.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
        with _trusted(folder) as directory:
            if directory is not None:
                write(folder / name, json.dumps(made_of).encode() + b"\n" + dumps(program))
                _prune(folder)


def _prune(folder: Path) -> None:
    entries = sorted(folder.glob(f"*{SUFFIX}"), key=lambda file: file.stat().st_mtime_ns)
    for entry in entries[:-MOST_ENTRIES]:
        entry.unlink(missing_ok=True)
