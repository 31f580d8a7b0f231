"""The rule that no policy can remove: who changes the judge needs somebody's approval."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from policyengine.changes.codeowners import PLACES
from policyengine_ci.policies import inside

RULE = "protected-files"
POLICY = "policy bundle"
MESSAGE = (
    "This change touches the policy, the owners or the workflows that judge changes. "
    "Somebody other than its author must approve it."
)
_FOLDERS = (".github/workflows", ".github/actions")


def protected_by(files: Iterable[Mapping[str, Any]], bundles: Iterable[str]) -> dict[str, str]:
    """Why each file of a change is protected, by its path; the others are absent.

    Every name of a file counts: before and after a move, and what links lead to. Case does not
    count, because not every file system keeps it.

    >>> protected_by([{"path": "docs/x.md", "names": ["docs/x.md", "CODEOWNERS"]}], [])
    {'docs/x.md': 'code owners'}
    """
    folders = [*((folder, "workflow") for folder in _FOLDERS)]
    folders += [(folder, POLICY) for folder in bundles]
    found: dict[str, str] = {}
    for file in files:
        for name in file["names"]:
            kind = _kind(name, folders)
            if kind:
                found.setdefault(file["path"], kind)
    return found


def _kind(name: str, folders: Iterable[tuple[str, str]]) -> str:
    folded = "" if name == "." else name.casefold()
    if folded in {place.casefold() for place in PLACES}:
        return "code owners"
    for folder, kind in folders:
        # A link to a folder above gives the protected one a second name.
        if inside(folded, folder.casefold()) or inside(folder.casefold(), folded):
            return kind
    return ""
