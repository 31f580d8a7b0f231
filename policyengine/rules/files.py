"""Where a bundle's files come from: a folder, or a mapping such as a git tree.

Only regular files inside the root are ever read.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from posixpath import normpath
from typing import Protocol

from policyengine.diagnostics import CompileError, Diagnostic
from policyengine.rules.yaml import Limits
from policyengine.source import Span


class Files(Protocol):
    """A bundle's folder. Paths are relative to it, with `/`."""

    @property
    def root(self) -> str:
        """The folder as it was given, for display."""

    @property
    def identity(self) -> str:
        """The same for the same folder, however it was reached."""

    def list(self, limits: Limits) -> list[str]:
        """Every file, sorted, hidden ones left out.

        Raises `CompileError` for what is no regular file and for too many files.
        """

    def read(self, path: str, most: int) -> bytes:
        """A file's bytes, at most `most` and one more. Raises `CompileError`."""

    def show(self, path: str) -> str:
        """A file's path for display."""

    def beside(self, path: str) -> Files:
        """Another folder, relative to this one. Raises `CompileError` when there is none."""


def _refused(slug: str, message: str, shown: str) -> CompileError:
    return CompileError([Diagnostic(slug, message, Span.start_of(shown))])


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder on disk."""

    root: str

    @property
    def identity(self) -> str:
        """The folder's real path."""
        return os.path.realpath(self.root)

    def show(self, path: str) -> str:
        """The path below the folder as it was given."""
        return path if self.root in ("", ".") else f"{self.root.rstrip('/')}/{path}"

    def list(self, limits: Limits) -> list[str]:
        """Every regular file below the folder; a link is followed only to a file inside it."""
        found: list[str] = []
        problems: list[Diagnostic] = []
        for path, safe in self._walk("", limits):
            if safe:
                found.append(path)
            else:
                shown = self.show(path)
                message = f"`{shown}` is not a regular file inside the bundle"
                problems.append(Diagnostic("unsafe-file", message, Span.start_of(shown)))
            if len(found) > limits.files:
                message = f"the bundle has more than {limits.files:,} files"
                raise _refused("too-many-files", message, self.root)
        if problems:
            raise CompileError(problems)
        return sorted(found)

    def _walk(self, folder: str, limits: Limits, depth: int = 0) -> Iterator[tuple[str, bool]]:
        with os.scandir(os.path.join(self.root, folder)) as entries:
            ordered = sorted(entries, key=lambda entry: entry.name)
        for entry in ordered:
            path = f"{folder}{entry.name}"
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                if depth < limits.depth:
                    yield from self._walk(f"{path}/", limits, depth + 1)
                else:
                    yield path, False
            else:
                yield path, self._is_inside(entry)

    def _is_inside(self, entry: os.DirEntry[str]) -> bool:
        if not entry.is_symlink():
            return entry.is_file(follow_symlinks=False)
        target = os.path.realpath(entry.path)
        return target.startswith(self.identity.rstrip("/") + "/") and os.path.isfile(target)

    def read(self, path: str, most: int) -> bytes:
        """A file's bytes; what is no regular file by now is refused."""
        shown = self.show(path)
        try:
            # Not to hang on a pipe that has taken the file's place since the folder was listed.
            descriptor = os.open(os.path.join(self.root, path), os.O_RDONLY | os.O_NONBLOCK)
            with open(descriptor, "rb") as file:
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    raise _refused("unsafe-file", f"`{shown}` is not a regular file", shown)
                return file.read(most + 1)
        except OSError as error:
            reason = (error.strerror or "unknown error").lower()
            raise _refused("unreadable-file", f"cannot read `{shown}`: {reason}", shown) from None

    def beside(self, path: str) -> Files:
        """The folder at a relative path, which may lead out of this one."""
        target = os.path.normpath(os.path.join(self.root, path)).replace(os.sep, "/")
        if not os.path.isdir(target):
            raise _refused("no-bundle", f"`{target}` is not a folder", self.show("bundle.yaml"))
        return Folder(target)


@dataclass(frozen=True, slots=True)
class Tree:
    """Files held in a mapping from paths to contents; `at` is the bundle's folder in it."""

    files: Mapping[str, str | bytes]
    at: str = ""
    name: str = ""

    @property
    def root(self) -> str:
        """The folder in the mapping, below the mapping's name."""
        return "/".join(part for part in (self.name, self.at) if part) or "<memory>"

    @property
    def identity(self) -> str:
        """The folder in the mapping."""
        return self.at

    @property
    def _prefix(self) -> str:
        return f"{self.at}/" if self.at else ""

    def show(self, path: str) -> str:
        """The path in the mapping, below the mapping's name."""
        return f"{self.name}/{self._prefix}{path}" if self.name else f"{self._prefix}{path}"

    def list(self, limits: Limits) -> list[str]:
        """Every path of the mapping below the folder."""
        below = (p[len(self._prefix) :] for p in self.files if p.startswith(self._prefix))
        found = sorted(p for p in below if not any(part[:1] == "." for part in p.split("/")))
        if len(found) > limits.files:
            message = f"the bundle has more than {limits.files:,} files"
            raise _refused("too-many-files", message, self.root)
        return found

    def read(self, path: str, most: int) -> bytes:
        """A file's bytes."""
        content = self.files[f"{self._prefix}{path}"]
        if isinstance(content, str):
            # A lone surrogate is not text: it reads as bytes that are not UTF-8.
            content = content.encode("utf-8", "surrogatepass")
        return content[: most + 1]

    def beside(self, path: str) -> Files:
        """The folder at a relative path, inside the mapping."""
        target = normpath(f"{self._prefix}{path}")
        target = "" if target == "." else target
        known = target == "" or any(name.startswith(f"{target}/") for name in self.files)
        if target == ".." or target.startswith(("../", "/")) or not known:
            raise _refused("no-bundle", f"`{path[:200]}` is not a folder", self.show("bundle.yaml"))
        return Tree(self.files, target, self.name)


def folder_of(path: str | os.PathLike[str]) -> Folder:
    """The folder that a path means: itself, or where the `bundle.yaml` that it names lies."""
    given = Path(path)
    return Folder((given.parent if given.name == "bundle.yaml" else given).as_posix())
