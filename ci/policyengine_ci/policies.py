"""The policy of a commit: its bundles, read from git and never checked out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import policyengine
from policyengine.changes.repository import Repository
from policyengine.changes.trees import TreeEntry, contents, entries
from policyengine.diagnostics import CompileError, Diagnostic, ordered
from policyengine.program import Program
from policyengine.rules.files import Tree
from policyengine.rules.load import load_files
from policyengine.rules.model import CheckedBundle
from policyengine.source import Source, Span

POINT = "change.proposed"
MANIFEST = "bundle.yaml"

# Other tools have a file of this name too. What looks like ours is ours, above all when broken.
_OURS = re.compile(rb"^\s*[\"']?kind[\"']?\s*:\s*[\"']?Bundle\b|policyengine\.dev/", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class LoadedBundle:
    """A valid bundle: its folder in the repository ("" for the root), files and program."""

    folder: str
    checked: CheckedBundle
    program: Program
    files: Tree

    @property
    def judges_changes(self) -> bool:
        """Whether it has a rule on `change.proposed`."""
        point = self.program.points.get(POINT)
        return point is not None and bool(point.rules)


@dataclass(frozen=True, slots=True)
class CommitPolicy:
    """All bundles of a commit: the valid ones, and what is wrong with the others."""

    commit: str
    folders: tuple[str, ...]
    bundles: tuple[LoadedBundle, ...]
    problems: tuple[Diagnostic, ...]
    sources: dict[str, Source] = field(default_factory=dict, repr=False)

    @property
    def judges(self) -> tuple[LoadedBundle, ...]:
        """The bundles with rules on `change.proposed`."""
        return tuple(bundle for bundle in self.bundles if bundle.judges_changes)


def policy_at(
    repository: Repository, commit: str, wanted: Sequence[str] | None = None
) -> CommitPolicy:
    """Read and compile the bundles of a commit.

    `wanted` names folders that are bundles or hold some; without it every folder with a manifest
    of ours counts, wherever it lies. A bundle inside a bundle is its test data. Raises
    `ChangeError` where git cannot give the files.
    """
    tree = entries(repository, commit)
    folders = _outermost(_manifests(repository, tree, wanted))
    files, problems = _files(repository, tree, folders)
    bundles = []
    sources: dict[str, Source] = {}
    for folder in folders:
        try:
            bundle = _loaded(folder, files)
            bundles.append(bundle)
            sources |= bundle.checked.bundle.sources
        except CompileError as error:
            problems += error.diagnostics
            sources |= _sources(error.diagnostics, files)
    return CommitPolicy(commit, folders, tuple(bundles), ordered(problems), sources)


def inside(path: str, folder: str) -> bool:
    """Whether a path lies in a folder of the repository, or is it.

    >>> inside("policies/a.yaml", "policies"), inside("policies2/a.yaml", "policies")
    (True, False)
    """
    return not folder or path == folder or path.startswith(f"{folder}/")


def _manifests(
    repository: Repository, tree: Sequence[TreeEntry], wanted: Sequence[str] | None
) -> list[str]:
    """The folders of all manifests, those that only look like ours left out."""
    found = [
        entry
        for entry in tree
        if entry.is_file and entry.path.rpartition(b"/")[2] == MANIFEST.encode()
    ]
    if wanted is not None:
        places = [_clean(folder) for folder in wanted]
        return [f for e in found if any(inside(f := _folder(e.path), place) for place in places)]
    texts = contents(repository, found)
    return [_folder(entry.path) for entry in found if _OURS.search(texts[entry.path])]


def _clean(folder: str) -> str:
    return "/".join(part for part in folder.split("/") if part not in ("", "."))


def _folder(path: bytes) -> str:
    return path.rpartition(b"/")[0].decode("utf-8", "backslashreplace")


def _outermost(folders: Iterable[str]) -> tuple[str, ...]:
    found: list[str] = []
    for folder in sorted(folders, key=lambda f: (f.count("/") + bool(f), f)):
        if not any(inside(folder, outer) for outer in found):
            found.append(folder)
    return tuple(sorted(found))


def _files(
    repository: Repository, tree: Sequence[TreeEntry], folders: Sequence[str]
) -> tuple[dict[str, str | bytes], list[Diagnostic]]:
    """The plain files of the folders, and a problem for each entry that is something else.

    A policy file that became a link would otherwise quietly be no policy any more.
    """
    plain: list[TreeEntry] = []
    problems: list[Diagnostic] = []
    for entry in tree:
        path = entry.path.decode("utf-8", "backslashreplace")
        if not any(inside(path, folder) for folder in folders):
            continue
        if entry.is_file:
            plain.append(entry)
        elif not _hidden(path, folders):
            message = f"`{path}` is not a regular file inside the bundle"
            problems.append(Diagnostic("unsafe-file", message, Span.start_of(path)))
    read = contents(repository, plain)
    return {p.decode("utf-8", "backslashreplace"): data for p, data in read.items()}, problems


def _hidden(path: str, folders: Sequence[str]) -> bool:
    """Whether bundles leave the path out, because a part of it below the bundle begins with `.`."""
    folder = next(f for f in folders if inside(path, f))
    return any(part.startswith(".") for part in path[len(folder) :].strip("/").split("/"))


def _loaded(folder: str, files: dict[str, str | bytes]) -> LoadedBundle:
    tree = Tree(files, folder)
    checked = policyengine.check(load_files(tree))
    return LoadedBundle(folder, checked, policyengine.compile(checked), tree)


def _sources(diagnostics: Iterable[Diagnostic], files: dict[str, str | bytes]) -> dict[str, Source]:
    found = {}
    for path in {diagnostic.span.path for diagnostic in diagnostics}:
        content = files.get(path)
        if isinstance(content, bytes):
            found[path] = Source(path, content.decode("utf-8", "backslashreplace"))
    return found
