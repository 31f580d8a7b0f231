"""Who owns a path, by the rules of GitHub's CODEOWNERS file.

The language looks like `.gitignore` and differs: the last matching line wins, a line without
owners takes ownership away, `dir/*` is one level only, `[x]` is plain text, and a line that
begins with `!` or `\\#` is not valid and is passed over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from policyengine.changes.globs import ANY_SEGMENT, FOLDERS, Glob, Segment, Wild, matches

# GitHub uses the first of these that exists.
PLACES = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")
# GitHub does not load a larger file.
MAX_BYTES = 3 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Line:
    """A pattern and its owners, and where it stands (from 1)."""

    number: int
    glob: Glob
    owners: tuple[str, ...]


def parse(text: str) -> tuple[Line, ...]:
    """The valid lines of a CODEOWNERS file.

    >>> owners(parse("*.py @dev\\n/docs/* @writers # guides"), "docs/guide.md")
    ('@writers',)
    """
    lines = []
    for number, line in enumerate(text.splitlines(), start=1):
        pattern, *owners = _words(line) or [""]
        glob = _glob(pattern)
        if glob:
            lines.append(Line(number, glob, tuple(owners)))
    return tuple(lines)


def owners(lines: Sequence[Line], path: str) -> tuple[str, ...]:
    """The owners of a file; empty where the last matching line has none."""
    parts = path.split("/")
    return next((line.owners for line in reversed(lines) if matches(line.glob, parts)), ())


def _words(line: str) -> list[str]:
    """The words of a line up to a comment; a backslash keeps the next character in its word."""
    words: list[str] = []
    word = ""
    characters = iter(line)
    for character in characters:
        if character == "#" and not word:
            break
        if character == "\\":
            word += character + next(characters, "")
        elif character.isspace():
            words += [word] if word else []
            word = ""
        else:
            word += character
    return [*words, word] if word else words


def _glob(pattern: str) -> Glob:
    """The pattern compiled; empty where GitHub passes it over."""
    if pattern.startswith(("!", "\\#")) or not pattern.strip("/"):
        return ()
    only_folders = pattern.endswith("/")
    body = pattern.removesuffix("/")
    anchored = "/" in body
    glob = [_segment(part) for part in body.removeprefix("/").split("/")]
    if () in glob:
        return ()
    if not anchored:
        glob.insert(0, FOLDERS)
    if only_folders:
        return (*glob, ANY_SEGMENT, FOLDERS)
    if anchored and glob[-1] == ANY_SEGMENT:
        return tuple(glob)
    return (*glob, FOLDERS)


def _segment(text: str) -> Segment:
    if text == "**":
        return FOLDERS
    tokens: list[str | Wild] = []
    characters = iter(text)
    for character in characters:
        if character == "\\":
            tokens.append(next(characters, "\\"))
        else:
            tokens.append(_WILD.get(character, character))
    return tuple(tokens)


_WILD = {"*": Wild.MANY, "?": Wild.ONE}
