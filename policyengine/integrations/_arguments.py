"""What a tool call is about to do, read from its arguments: the command, and the paths."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

# The engine reads texts up to this depth; deeper arguments are kept as raw text.
MAX_DEPTH = 60

RAW = "_raw"
"""The key under which arguments stand that could not be parsed."""

_COMMAND_KEYS = ("command", "commands", "cmd", "script", "shell_command", "code", RAW)

# An editor's sub-command (`{"command": "view", "path": ...}`) is not a shell's.
_EDITOR_VERBS = frozenset({"view", "create", "str_replace", "insert", "undo_edit"})

_PATH_KEYS = frozenset({
    "absolute_path", "cwd", "destination", "destination_path", "dir", "directory", "dst", "file",
    "file_name", "file_path", "filename", "filepath", "files", "folder", "from_path", "new_path",
    "notebook_path", "old_path", "output_path", "path", "paths", "relative_path", "root", "source",
    "source_path", "src", "target", "target_file", "target_path", "to_path", "uri", "uris", "url",
    "workdir", "working_directory",
})  # fmt: skip

_URI_KEYS = frozenset({"uri", "uris", "url"})
_PATCH_KEYS = frozenset({"patch", "diff", "input", RAW})
_PATCH_PATH = re.compile(
    r"^(?:\*\*\* (?:Add File|Update File|Delete File|Move to): |\+\+\+ (?:b/)?|--- (?:a/)?)"
    r"([^\t\r\n]+)",
    re.MULTILINE,
)


def parse(text: Any) -> dict[str, Any]:
    """Arguments as an object, from the JSON text in which a model gives them.

    Text that two readers could understand in two ways (duplicate keys), that JSON does not know
    (`NaN`), that is not an object or is nested more than 60 levels deep is kept under `_raw`, so
    that rules and guards still see every character of it.

    >>> parse('{"path": "a.txt"}')
    {'path': 'a.txt'}
    >>> parse('{"path": "a.txt", "path": ".env"}')
    {'_raw': '{"path": "a.txt", "path": ".env"}'}
    """
    if isinstance(text, Mapping):
        return dict(text) if depth(text) <= MAX_DEPTH else {RAW: " ".join(strings(text))}
    if not isinstance(text, str):
        return {} if text is None else {RAW: " ".join(strings(text))}
    if not text.strip():
        return {}
    try:
        value = json.loads(text, object_pairs_hook=_object, parse_constant=_constant)
    except (ValueError, RecursionError):
        return {RAW: text}
    return value if isinstance(value, dict) and depth(value) <= MAX_DEPTH else {RAW: text}


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a key stands twice")
    return value


def _constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def depth(value: Any) -> int:
    """How deep lists and objects are nested in a JSON value; 0 for a plain one.

    >>> depth({"a": [1]})
    2
    """
    levels, outer = 0, _inside([value])
    while outer is not None:
        levels, outer = levels + 1, _inside(outer)
    return levels


def _inside(values: list[Any]) -> list[Any] | None:
    nested = [value for value in values if isinstance(value, Mapping | list | tuple)]
    if not nested:
        return None
    return [
        item
        for value in nested
        for item in (value.values() if isinstance(value, Mapping) else value)
    ]


def command(arguments: Mapping[str, Any]) -> str | None:
    """The command line that a shell-like tool would run, or None where there is none.

    Arguments are judged by what they carry rather than by the tool's name: names are free, and a
    shell under an unknown name is a shell still.

    >>> command({"command": ["bash", "-lc", "rm -rf build"]})
    'bash -lc rm -rf build'
    >>> command({"command": "view", "path": "a.py"}) is None
    True
    """
    found = []
    for key in _COMMAND_KEYS:
        value = arguments.get(key)
        if isinstance(value, str) and value in _EDITOR_VERBS and "path" in arguments:
            continue
        found += list(strings(value))
    return " ".join(found) if found else None


def paths(arguments: Mapping[str, Any]) -> list[str]:
    """The files and folders that the arguments name, in one spelling, each once.

    Separators become `/`, `.` and `..` are resolved, `file://` is taken off. The headers of
    patches count.

    >>> paths({"file_path": "src/../.env", "cwd": "C:\\\\work"})
    ['.env', 'C:/work']
    """
    return list(dict.fromkeys(_named(arguments, "")))


def _named(value: Any, key: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield from _named(item, str(name).lower())
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _named(item, key)
    elif isinstance(value, str) and value:
        if key in _PATH_KEYS and (key not in _URI_KEYS or value.startswith("file:")):
            yield _plain_path(value)
        elif key in _PATCH_KEYS:
            yield from (_plain_path(found) for found in _PATCH_PATH.findall(value))


def _plain_path(path: str) -> str:
    if path.startswith("file:"):
        path = unquote(path.removeprefix("file:").removeprefix("//"))
    return posixpath.normpath(path.replace("\\", "/"))


def strings(value: Any) -> Iterator[str]:
    """Every string in a JSON value, keys of objects included, in order.

    >>> list(strings({"a": ["b", {"c": 1}]}))
    ['a', 'b', 'c']
    """
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, Mapping):
            for name, inner in reversed(list(item.items())):
                pending += [inner, str(name)]
        elif isinstance(item, list | tuple):
            pending.extend(reversed(item))
