"""The fact `paths`: the files of a change that bear on a rule, by any of their names.

    paths: {any: ["**/auth/**", "services/payment/**"], not: ["**/*.md"]}

Patterns are in the language of `.gitignore`. A file counts when one of its names (its path, its
path before a rename, what a symbolic link leads to) matches `any` and not `not`. Each name is
judged by itself: moving `src/auth/login.py` to `docs/login.md` still counts, by the old name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from policyengine.changes.gitignore import Pattern, compile_pattern
from policyengine.errors import FactError
from policyengine.plugins import Finder, Finding

MAX_NAME = 16_384
MAX_PATTERNS = 1_000

_PATTERNS = {
    "type": "array",
    "minItems": 1,
    "maxItems": MAX_PATTERNS,
    "items": {"type": "string", "minLength": 1},
}

READS: Literal["input"] = "input"
COST = 1
SCHEMA: Mapping[str, Any] = {
    "description": "Files of the change, by patterns in the language of .gitignore.",
    "oneOf": [
        {"type": "string", "minLength": 1},
        _PATTERNS,
        {
            "type": "object",
            "required": ["any"],
            "additionalProperties": False,
            "properties": {
                "any": {
                    **_PATTERNS,
                    "description": "One of the file's names matches one of these.",
                },
                "not": {**_PATTERNS, "description": "Names that match one of these do not count."},
            },
        },
    ],
}
FINDING: Mapping[str, str] = {
    "type": "string",
    "path": "string",
    "name": "string",
    "pattern": "string",
    "status": "string",
    "why": "string",
}


def normal(value: Any) -> dict[str, list[str]]:
    """The long form, patterns sorted: `{"any": [...], "not": [...]}`.

    >>> normal("docs/**")
    {'any': ['docs/**'], 'not': []}
    """
    match value:
        case str():
            value = {"any": [value]}
        case list() | tuple():
            value = {"any": list(value)}
    return {key: sorted(set(value.get(key, ()))) for key in ("any", "not")}


def build(config: Any) -> Finder:
    """A finder for a configuration in its long form; raises `ValueError` for a bad pattern."""
    finder = _PathFinder(
        tuple(map(compile_pattern, config["any"])), tuple(map(compile_pattern, config["not"]))
    )
    if not finder.wanted:
        raise ValueError("`any` needs a pattern")
    return finder


@dataclass(frozen=True, slots=True)
class _Name:
    """One name of a file. `folder` is None where it could be either."""

    text: str
    parts: tuple[str, ...]
    folder: bool | None
    is_path: bool


@dataclass(frozen=True, slots=True)
class _PathFinder:
    wanted: tuple[Pattern, ...]
    excluded: tuple[Pattern, ...]

    def __call__(self, input: Any) -> Sequence[Finding]:
        """A finding for each file that counts, in the order of the change."""
        found = (self._finding(file) for file in _files(input))
        return [finding for finding in found if finding is not None]

    def _finding(self, file: Mapping[str, Any]) -> Finding | None:
        for name in _names(file):
            pattern = self._pattern(name)
            if pattern is not None:
                return {
                    "type": "PATH",
                    "path": file["path"],
                    "name": name.text,
                    "pattern": pattern.text,
                    "status": file["status"],
                    "why": _why(file, name, pattern),
                }
        return None

    def _pattern(self, name: _Name) -> Pattern | None:
        """The pattern by which a name counts.

        A name that could be a folder or a file is, for each list, what makes it count.
        """
        if any(p.matches(name.parts, folder=name.folder is True) for p in self.excluded):
            return None
        maybe_folder = name.folder is not False
        return next((p for p in self.wanted if p.matches(name.parts, folder=maybe_folder)), None)


def _why(file: Mapping[str, Any], name: _Name, pattern: Pattern) -> str:
    status = file["status"].replace("_", " ")
    if name.is_path:
        return f"{status}; its path matches {pattern.text}"
    if name.text == file.get("old_path"):
        return f"{status}; its old path {name.text} matches {pattern.text}"
    return f"{status}; a symbolic link connects it with {name.text}, which matches {pattern.text}"


def _files(input: Any) -> Sequence[Mapping[str, Any]]:
    change = input.get("change") if isinstance(input, Mapping) else None
    files = change.get("files") if isinstance(change, Mapping) else None
    if not isinstance(files, list | tuple):
        raise FactError("unreadable-change", "`change.files` is not a list")
    return files


def _names(file: Any) -> Iterator[_Name]:
    """Every name of a file; raises `FactError` where the entry can't be read as one."""
    if not isinstance(file, Mapping):
        raise FactError("unreadable-change", "an entry of `change.files` is not an object")
    path, old, names = file.get("path"), file.get("old_path") or "", file.get("names", ())
    if not isinstance(file.get("status"), str) or not isinstance(names, list | tuple):
        raise FactError("unreadable-change", "an entry of `change.files` lacks its status or names")
    folder = file.get("kind") == "submodule"
    for i, text in enumerate(dict.fromkeys([path, *([old] if old else []), *names])):
        if not isinstance(text, str) or not text or len(text) > MAX_NAME:
            raise FactError("unreadable-change", "an entry of `change.files` has an unusable name")
        own = text in (path, old)
        yield _Name(text, tuple(text.split("/")), folder if own else None, i == 0)
