"""The `change` of the decision point `change.proposed`, read from git.

Everything that judges the change (attributes, owners) comes from the base; the change itself is
what the head adds since their common ancestor. Paths are bytes in git: a byte that is not UTF-8
becomes `\\xNN` in the facts, so that no file is ever left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from policyengine.changes.attributes import generated, use_attributes_of
from policyengine.changes.codeowners import MAX_BYTES, PLACES, Line, owners, parse
from policyengine.changes.diff import (
    ABSENT,
    SUBMODULE,
    SYMLINK,
    Entry,
    differences,
    merge_bases,
)
from policyengine.changes.languages import language
from policyengine.changes.repository import TIMEOUT, ChangeError, Repository, opened
from policyengine.changes.symlinks import Links, aliases, by_target, links, resolve
from policyengine.changes.trees import TreeEntry, contents, entries

MAX_COMMITS = 50_000


def change(
    repo: Path,
    base: str,
    head: str,
    *,
    id: str = "",
    repository: str = "",
    title: str = "",
    author: str = "",
    labels: Sequence[str] = (),
    draft: bool = False,
    approvals: Sequence[str] = (),
    timeout: float = TIMEOUT,
) -> dict[str, Any]:
    """The facts of the change that would bring `head` onto `base`, as JSON values.

    `base` and `head` are names of commits. Title and author are those of the last commit where
    not given. `timeout` is in seconds for each git command. Raises `ChangeError` where a fact
    can't be read in full, such as in a shallow clone; the facts are never cut short.
    """
    with opened(Path(repo), timeout) as source:
        return change_in(
            source,
            base,
            head,
            id=id,
            repository=repository,
            title=title,
            author=author,
            labels=labels,
            draft=draft,
            approvals=approvals,
        )


def change_in(source: Repository, base: str, head: str, **stated: Any) -> dict[str, Any]:
    """The same for a repository already open; `stated` are the facts that git does not have."""
    base_commit, head_commit = source.commit(base), source.commit(head)
    starts = merge_bases(source, base_commit, head_commit)
    use_attributes_of(source, base_commit)
    files = _files(source, base_commit, head_commit, differences(source, starts, head_commit))
    commits = _commits(source, base_commit, head_commit)
    last = commits[0] if commits else {"title": "", "author": ""}
    return {
        "id": stated.get("id") or f"{base_commit[:12]}...{head_commit[:12]}",
        "repository": stated.get("repository") or source.path.resolve().name,
        "base": base_commit,
        "head": head_commit,
        "base_ref": base,
        "head_ref": head,
        "title": stated.get("title") or last["title"],
        "author": stated.get("author") or last["author"],
        "labels": list(stated.get("labels", ())),
        "draft": bool(stated.get("draft", False)),
        "approvals": list(stated.get("approvals", ())),
        "files": files,
        "additions": sum(file["additions"] for file in files),
        "deletions": sum(file["deletions"] for file in files),
        "commits": commits,
    }


def path_text(path: bytes) -> str:
    r"""A path as text that JSON can say.

    >>> path_text(b"caf\xc3\xa9 \xff.py")
    'café \\xff.py'
    """
    return path.decode("utf-8", "backslashreplace")


@dataclass(frozen=True, slots=True)
class _Sides:
    """What is known of the two commits as a whole, to describe each file."""

    owners: tuple[Line, ...]
    generated: frozenset[bytes]
    before: Links
    after: Links
    targets: tuple[dict[bytes, list[bytes]], ...]


def _files(
    source: Repository, base: str, head: str, differing: Sequence[Entry]
) -> list[dict[str, Any]]:
    paths = {path for e in differing for path in (e.path, e.old_path) if path is not None}
    tree = entries(source, base)
    before, after = links(source, tree), links(source, entries(source, head))
    sides = _Sides(
        owners=_owner_lines(source, tree),
        generated=generated(source, sorted(paths)),
        before=before,
        after=after,
        targets=(by_target(before), by_target(after)),
    )
    return [_file(entry, sides) for entry in differing]


def _file(entry: Entry, sides: _Sides) -> dict[str, Any]:
    own = [entry.path] if entry.old_path is None else [entry.path, entry.old_path]
    path = path_text(entry.path)
    mode = entry.new_mode if entry.new_mode != ABSENT else entry.old_mode
    target = (sides.before if entry.new_mode == ABSENT else sides.after).get(entry.path, b"")
    return {
        "path": path,
        "old_path": path_text(entry.old_path or b""),
        "names": _names(entry, own, sides),
        "status": entry.status,
        "old_mode": "" if entry.old_mode == ABSENT else entry.old_mode,
        "new_mode": "" if entry.new_mode == ABSENT else entry.new_mode,
        "kind": {SYMLINK: "symlink", SUBMODULE: "submodule"}.get(mode, "file"),
        "binary": entry.binary,
        "symlink_target": path_text(target) if mode == SYMLINK else "",
        "additions": entry.additions,
        "deletions": entry.deletions,
        "generated": all(name in sides.generated for name in own),
        "owners": _distinct(o for name in own for o in owners(sides.owners, path_text(name))),
        "language": language(path),
    }


def _names(entry: Entry, own: list[bytes], sides: _Sides) -> list[str]:
    """Every name that counts: its own first, then where links lead, then links that lead here."""
    found = list(own)
    for name, mode, side in (
        (own[-1], entry.old_mode, sides.before),
        (entry.path, entry.new_mode, sides.after),
    ):
        if mode == SYMLINK:
            target = resolve(side, name)
            # A link that leads out of the repository counts by what is written in it.
            found.append(side[name] if target is None else target or b".")
    found += [alias for name in own for side in sides.targets for alias in aliases(side, name)]
    return _distinct(map(path_text, found))


def _distinct(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(values))


def _owner_lines(source: Repository, tree: Sequence[TreeEntry]) -> tuple[Line, ...]:
    here = {entry.path: entry for entry in tree if entry.is_file}
    for place in PLACES:
        entry = here.get(place.encode())
        if entry is not None:
            data = contents(source, [entry], max_bytes=MAX_BYTES)[entry.path]
            return parse(data.decode("utf-8", "backslashreplace"))
    return ()


def _commits(source: Repository, base: str, head: str) -> list[dict[str, str]]:
    """The commits of the head that the base lacks, the last one first."""
    output = source.run(
        "log", "-z", f"-n{MAX_COMMITS + 1}", "--no-show-signature", "--encoding=UTF-8",
        "--format=%H%n%an%n%s", head, f"^{base}",
    )  # fmt: skip
    records = output.split(b"\0")
    if len(records) > MAX_COMMITS + 1:
        raise ChangeError("too-many-commits", f"the change has over {MAX_COMMITS} commits")
    found = []
    for record in records:
        if record:
            sha, name, title = record.decode("utf-8", "backslashreplace").split("\n", 2)
            found.append({"sha": sha, "title": title, "author": name})
    return found
