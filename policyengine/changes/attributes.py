"""Which files are generated, by the attribute `linguist-generated` of a trusted commit."""

from __future__ import annotations

from collections.abc import Iterable

from policyengine.changes.repository import Repository


def use_attributes_of(repository: Repository, commit: str) -> None:
    """Make a commit's `.gitattributes` the ones that all later commands see.

    They come from the index and our work tree is empty, so those of the change, which could call
    any file binary or generated, have no say.
    """
    repository.run("read-tree", commit)


def generated(repository: Repository, paths: Iterable[bytes]) -> frozenset[bytes]:
    """Those of the paths that `linguist-generated` names."""
    asked = b"".join(path + b"\0" for path in paths)
    output = repository.run(
        "check-attr", "--cached", "-z", "--stdin", "linguist-generated", stdin=asked
    )
    words = output.split(b"\0")[:-1]
    answers = zip(words[0::3], words[2::3], strict=True)
    return frozenset(path for path, value in answers if value in (b"set", b"true"))
