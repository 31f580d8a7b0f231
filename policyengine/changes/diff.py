"""Which files differ between two commits, as git's plumbing says it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from policyengine.changes.repository import FETCH_ALL, ChangeError, GitError, Repository

MAX_MERGE_BASES = 16
SYMLINK, SUBMODULE, ABSENT = "120000", "160000", "000000"

STATUS = {
    "A": "added",
    "M": "modified",
    "D": "removed",
    "R": "renamed",
    "C": "copied",
    "T": "type_changed",
}

_OPTIONS = (
    "-r", "-z", "--no-abbrev", "--no-ext-diff", "--no-textconv", "--no-color",
    "--ignore-submodules=none",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Entry:
    """A file that differs. Paths are git's bytes; `old_path` is set for renames and copies.

    Modes are six octal digits, `000000` where the file is absent. Line counts of binary files
    are 0.
    """

    status: str
    path: bytes
    old_path: bytes | None
    old_mode: str
    new_mode: str
    old_object: str
    new_object: str
    additions: int = 0
    deletions: int = 0
    binary: bool = False


def merge_bases(repository: Repository, base: str, head: str) -> tuple[str, ...]:
    """The best common ancestors of two commits, usually one.

    Raises `ChangeError`: `shallow-clone` or `unrelated-histories` where there is none.
    """
    try:
        found = repository.run("merge-base", "--all", base, head).decode("ascii").split()
    except GitError as error:
        if repository.shallow:
            message = "the clone is shallow and does not reach the common ancestor of the change"
            raise ChangeError("shallow-clone", message, FETCH_ALL) from error
        if error.status != 1:
            raise
        message = "base and head have no common ancestor"
        help = "rebase the change on the branch it is meant for"
        raise ChangeError("unrelated-histories", message, help) from error
    if len(found) > MAX_MERGE_BASES:
        message = f"base and head have {len(found)} common ancestors"
        raise ChangeError("too-many-ancestors", message, "merge the base into the change")
    return tuple(found)


def differences(repository: Repository, starts: tuple[str, ...], head: str) -> tuple[Entry, ...]:
    """Every file that differs between any of `starts` and `head`, sorted by path.

    With crossing merges there are several starts, and what differs from one of them counts.
    """
    found: dict[tuple[bytes, bytes | None, str], Entry] = {}
    for start in starts:
        for entry in parse(_diff(repository, start, head)):
            found.setdefault((entry.path, entry.old_path, entry.status), entry)
    return tuple(sorted(found.values(), key=lambda e: (e.path, e.old_path or b"", e.status)))


def _diff(repository: Repository, start: str, head: str) -> bytes:
    command = ("diff-tree", *_OPTIONS, "--raw", "--numstat")
    try:
        return repository.run(*command, "-M50%", "-l1000", start, head)
    except GitError:
        # Looking for renames reads more files; without it both names still count, as an added
        # and a removed file.
        try:
            return repository.run(*command, "--no-renames", start, head)
        except GitError as error:
            if not error.missing_objects:
                raise
            message = "files of the change are missing from this clone"
            help = "clone without `--filter`: a partial clone has no contents to compare"
            raise ChangeError("missing-objects", message, help) from error


def parse(output: bytes) -> tuple[Entry, ...]:
    """Read `--raw --numstat -z`; raises `ChangeError("unreadable-diff")` for anything else."""
    tokens = iter(output.split(b"\0")[:-1])
    entries: dict[tuple[bytes, bytes | None], Entry] = {}
    try:
        for token in tokens:
            if token.startswith(b":"):
                entry = _raw(token, tokens)
                entries[entry.path, entry.old_path] = entry
            else:
                _count(token, tokens, entries)
    except (StopIteration, ValueError, KeyError) as error:
        raise ChangeError("unreadable-diff", "git's list of changed files is damaged") from error
    return tuple(entries.values())


def _raw(token: bytes, tokens: Iterator[bytes]) -> Entry:
    old_mode, new_mode, old, new, letter = token[1:].decode("ascii").split(" ")
    status = STATUS[letter[0]]
    first = next(tokens)
    moved = status in ("renamed", "copied")
    path = next(tokens) if moved else first
    return Entry(status, path, first if moved else None, old_mode, new_mode, old, new)


def _count(
    token: bytes, tokens: Iterator[bytes], entries: dict[tuple[bytes, bytes | None], Entry]
) -> None:
    added, deleted, path = token.split(b"\t", 2)
    key = (path, None) if path else (next(tokens), next(tokens))[::-1]
    entry = entries[key]
    if added == b"-":
        entries[key] = replace(entry, binary=True)
        return
    # A type change is counted in two lines, the file that went and the one that came.
    entries[key] = replace(
        entry,
        additions=entry.additions + int(added),
        deletions=entry.deletions + int(deleted),
    )
