"""Patterns in the language of `.gitignore`, one at a time.

A pattern without a slash matches a name at any depth, one with a slash is anchored at the root of
the repository, `/` at the end matches folders, `**` any number of folders, and what matches a
folder matches everything in it. Unlike git, `?` and `[...]` match a character, not a byte; and
what git accepts but can never match is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from policyengine.changes.globs import ANY_SEGMENT, FOLDERS, Glob, matches, segment

MAX_PATTERN = 1_000


@dataclass(frozen=True, slots=True)
class Pattern:
    """A compiled pattern; `text` is as written."""

    text: str
    file: Glob
    folder: Glob

    def matches(self, parts: Sequence[str], *, folder: bool = False) -> bool:
        """Whether a path (its parts between slashes) matches; `folder` says that it is one."""
        return matches(self.folder if folder else self.file, parts)


def compile_pattern(text: str) -> Pattern:
    """Compile one pattern; raises `ValueError` saying what is wrong and what to write instead.

    >>> compile_pattern("**/auth/**").matches(["src", "auth", "login.py"])
    True
    >>> compile_pattern("/docs/").matches(["src", "docs", "a.md"])
    False
    """
    body = _body(text)
    only_folders = body.endswith("/")
    body = body.removesuffix("/")
    anchored = "/" in body
    parts = body.removeprefix("/").split("/")
    if "" in parts:
        raise ValueError(f"`{text}` has an empty part and can never match")
    glob = [segment(part) for part in parts]
    if not anchored:
        # INVARIANT: without a slash `**` is a plain `*`, as in git.
        glob = [FOLDERS, ANY_SEGMENT if glob[0] == FOLDERS else glob[0]]
    elif glob[-1] == FOLDERS:
        glob[-1:] = [ANY_SEGMENT, FOLDERS]
    inside = (*glob, ANY_SEGMENT, FOLDERS)
    whole = (*glob, FOLDERS)
    return Pattern(text, inside if only_folders else whole, whole)


def _body(text: str) -> str:
    """The pattern without the trailing spaces that git drops, once it is known to be one."""
    if len(text) > MAX_PATTERN:
        raise ValueError(f"a pattern has at most {MAX_PATTERN} characters")
    if text.startswith("!"):
        raise ValueError(f"`{text}` begins with `!`: list what to leave out under `not`")
    if text.startswith("#"):
        raise ValueError(f"`{text}` is a comment in this language: write `\\{text}`")
    if "\n" in text or "\0" in text:
        raise ValueError("a pattern is one line of text")
    body = text.rstrip(" ")
    if len(body) < len(text) and (len(body) - len(body.rstrip("\\"))) % 2:
        body += " "
    if not body.strip("/"):
        raise ValueError("the pattern is empty" if not body else f"`{text}` can never match")
    if "\\/" in body:
        raise ValueError(f"`{text}` escapes a slash, which needs no escape")
    return body
