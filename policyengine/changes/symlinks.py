"""Where symbolic links lead, and under which other names a file can be reached."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from policyengine.changes.diff import SYMLINK
from policyengine.changes.repository import ChangeError, Repository
from policyengine.changes.trees import TreeEntry, contents

MAX_LINKS = 50_000
MAX_TARGET = 4_096
# As Linux has it.
MAX_HOPS = 40
MAX_ALIASES = 64

Links = Mapping[bytes, bytes]
"""Targets as written, by the path of the link."""


def links(repository: Repository, tree: Iterable[TreeEntry]) -> dict[bytes, bytes]:
    """Every symbolic link of a tree; raises `ChangeError` for more than can be followed."""
    found = [entry for entry in tree if entry.mode == SYMLINK]
    return contents(repository, found, max_files=MAX_LINKS, max_each=MAX_TARGET)


def resolve(links: Links, path: bytes) -> bytes | None:
    """The path in the repository that a path leads to, through any links on its way.

    None where it leads out of the repository or in circles.

    >>> resolve({b"docs/a": b"../b", b"b": b"src"}, b"docs/a/auth.py")
    b'src/auth.py'
    """
    waiting = path.split(b"/")[::-1]
    done: list[bytes] = []
    hops = 0
    while waiting:
        part = waiting.pop()
        if part in (b"", b"."):
            continue
        if part == b"..":
            if not done:
                return None
            done.pop()
            continue
        target = links.get(b"/".join([*done, part]))
        if target is None:
            done.append(part)
            continue
        hops += 1
        if hops > MAX_HOPS or target.startswith(b"/"):
            return None
        waiting += target.split(b"/")[::-1]
    return b"/".join(done)


def by_target(links: Links) -> dict[bytes, list[bytes]]:
    """The links that lead to each path."""
    found: defaultdict[bytes, list[bytes]] = defaultdict(list)
    for path in sorted(links):
        target = resolve(links, path)
        if target is not None:
            found[target].append(path)
    return dict(found)


def aliases(targets: Mapping[bytes, list[bytes]], path: bytes) -> list[bytes]:
    """Other names of a file: through a link to it, or to a folder that it lies in.

    >>> aliases({b"lib/x": [b"src/auth"]}, b"lib/x/login.py")
    [b'src/auth/login.py']
    """
    found: list[bytes] = []
    ends = [i for i, byte in enumerate(path) if byte == ord("/")] if targets else []
    for end in (*ends, len(path)):
        found += [link + path[end:] for link in targets.get(path[:end], ())]
    found += [link + b"/" + path for link in targets.get(b"", ())]
    if len(found) > MAX_ALIASES:
        message = f"symbolic links give a file over {MAX_ALIASES} other names"
        raise ChangeError("too-many-names", message)
    return found
