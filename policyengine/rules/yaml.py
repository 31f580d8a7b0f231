"""YAML as a tree that knows the place of everything in it.

Only the plain part of YAML 1.2 is policy: no tags, no merge keys, one document, string keys, each
key once. Aliases are allowed but what they expand to is counted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from policyengine.diagnostics import CompileError, Diagnostic, Related
from policyengine.rules.scalars import BadScalarError, Places, Plain, locate, resolve
from policyengine.source import Source, Span, Text

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Limits:
    """What a bundle's files may ask of their reader.

    Sizes are in bytes, `nodes` counts values after aliases are expanded, `depth` is nesting.
    """

    file_bytes: int = 1 << 20
    nodes: int = 100_000
    depth: int = 48
    files: int = 10_000
    total_bytes: int = 32 << 20
    bases: int = 16


DEFAULT_LIMITS = Limits()

# What no one can see, what reorders the text that a reviewer reads, and what is a line's end for
# some readers of YAML only.
_HIDDEN = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufffe\uffff]")
_SLOTS_OF_A_PAIR = 2


@dataclass(frozen=True, slots=True)
class Scalar:
    """A single value; `text` is what was written, with its places."""

    value: Plain
    text: Text
    span: Span


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    items: tuple[Node, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Pairs:
    """A mapping, in the order in which it was written. `by_key` finds a pair by its key."""

    pairs: tuple[tuple[Scalar, Node], ...]
    span: Span
    by_key: Mapping[Plain, tuple[Scalar, Node]] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        # Hostile files have a hundred thousand keys, each of them wrong and looked up.
        object.__setattr__(self, "by_key", {pair[0].value: pair for pair in self.pairs})


Node = Scalar | Items | Pairs


@dataclass(frozen=True, slots=True)
class Document:
    """A file's tree. Paths are keys and positions from the root, `()` the whole."""

    source: Source
    root: Node

    def plain(self) -> Any:
        """The document as dicts, lists and scalars."""
        return plain(self.root)

    def node(self, path: Path) -> Node | None:
        """The node at a path, or None."""
        found: Node | None = self.root
        for step in path:
            found = None if found is None else _child(found, step)
        return found

    def span(self, path: Path) -> Span:
        """Where the value at a path stands, or the deepest part of the path that exists."""
        found = self.root
        for step in path:
            child = _child(found, step)
            if child is None:
                break
            found = child
        return found.span

    def key(self, path: Path) -> Span:
        """Where the key of the value at a path stands; for list items the value itself."""
        parent = self.node(path[:-1]) if path else None
        if isinstance(parent, Pairs) and path[-1] in parent.by_key:
            return parent.by_key[path[-1]][0].span
        return self.span(path)


def _child(node: Node, step: str | int) -> Node | None:
    match node:
        case Pairs():
            pair = node.by_key.get(step)
            return None if pair is None else pair[1]
        case Items() if isinstance(step, int) and 0 <= step < len(node.items):
            return node.items[step]
        case _:
            return None


def plain(node: Node) -> Any:
    """A node as dicts, lists and scalars."""
    match node:
        case Scalar():
            return node.value
        case Items():
            return [plain(item) for item in node.items]
        case Pairs():
            return {key.value: plain(value) for key, value in node.pairs}


def spans(node: Node, path: Path = ()) -> Iterator[tuple[Path, Span]]:
    """Every path below a node with its place."""
    yield path, node.span
    match node:
        case Items():
            for i, item in enumerate(node.items):
                yield from spans(item, (*path, i))
        case Pairs():
            for key, value in node.pairs:
                yield from spans(value, (*path, str(key.value)))
        case Scalar():
            return


def decode(path: str, data: bytes, limits: Limits = DEFAULT_LIMITS) -> Source:
    """A file's bytes as text; a leading byte order mark is dropped.

    Raises `CompileError` for what is too large or is not UTF-8.
    """
    if len(data) > limits.file_bytes:
        size = f"`{path}` is larger than {limits.file_bytes:,} bytes"
        raise CompileError([Diagnostic("file-size", size, Span.start_of(path))])
    try:
        return Source(path, data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8-sig", "replace")
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        span = Span(path, line, column, line, column + 1)
        raise CompileError([Diagnostic("not-utf8", "the file is not UTF-8", span)]) from None


def read(source: Source, limits: Limits = DEFAULT_LIMITS) -> Document:
    """The tree of a file.

    Raises `CompileError` with everything that is wrong with it as YAML.

    >>> document = read(Source("p.yaml", "on: [a, no]"))
    >>> document.plain(), str(document.span(("on", 1)))
    ({'on': ['a', 'no']}, 'p.yaml:1:9')
    """
    places = Places.of(source)
    hidden = _HIDDEN.search(source.text)
    if hidden is not None:
        code = f"U+{ord(hidden.group()):04X}"
        raise CompileError([
            Diagnostic(
                "hidden-character",
                f"the file holds the invisible character {code}",
                places.span(hidden.start(), hidden.end()),
                help="write it as an escape in a double-quoted text if it is meant",
            )
        ])  # fmt: skip
    reader = _Reader(places, limits)
    root = reader.document()
    if reader.problems or root is None:
        raise CompileError(reader.problems)
    return Document(source, root)


@dataclass(slots=True)
class _Open:
    """A list or mapping whose end has not come yet."""

    pairs: bool
    start: int
    anchor: str | None
    children: list[Node] = field(default_factory=list)
    first: dict[str, Scalar] = field(default_factory=dict)
    count: int = 1


@dataclass(slots=True)
class _Reader:
    """Builds the tree from parser events on a stack of its own, so depth is only a number."""

    places: Places
    limits: Limits
    problems: list[Diagnostic] = field(default_factory=list)
    stack: list[_Open] = field(default_factory=list)
    anchors: dict[str, tuple[Node, int] | None] = field(default_factory=dict)
    root: Node | None = None
    total: int = 0

    def problem(self, slug: str, message: str, start: int, end: int, help: str = "") -> None:
        self.problems.append(Diagnostic(slug, message, self.places.span(start, end), help=help))

    def document(self) -> Node | None:
        """The root, or None where there is none; `problems` says why."""
        documents = 0
        for event in self.events():
            start, end = event.start_mark.index, event.end_mark.index
            kind = type(event).__name__
            if kind == "DocumentStartEvent":
                documents += 1
                if documents > 1:
                    message = "a file holds one document"
                    self.problem("many-documents", message, start, end)
                    return None
            elif not self.take(kind, event, start, end):
                return None
        empty = self.root is None or (isinstance(self.root, Scalar) and self.root.value is None)
        if empty and not self.problems:
            path = self.places.source.path
            message = f"`{path}` is empty"
            self.problems.append(Diagnostic("empty-file", message, Span.start_of(path)))
        return self.root

    def events(self) -> Iterator[Any]:
        from ruamel.yaml import YAML
        from ruamel.yaml.error import MarkedYAMLError

        events = YAML(typ="safe", pure=True).parse(self.places.source.text)
        last = 0
        while True:
            try:
                event = next(events)
            except StopIteration:
                return
            except MarkedYAMLError as error:
                self.syntax(error)
                return
            except Exception:
                # The scanner is not ours and the text is hostile: whatever it trips over is a
                # fault of the text, and the promise here is a diagnostic, never a traceback.
                self.problem("yaml-syntax", "this is not valid YAML", last, last)
                return
            last = event.end_mark.index
            yield event

    def syntax(self, error: Any) -> None:
        mark = error.problem_mark or error.context_mark
        if error.context_mark is not None and "end of stream" in str(error.problem):
            # What has no end is found where it begins.
            mark = error.context_mark
        at = min(mark.index, len(self.places.source.text)) if mark is not None else 0
        message = _own_words(error.problem or error.context or "this is not valid YAML")
        related: tuple[Related, ...] = ()
        if error.context and error.context_mark is not None and error.context_mark is not mark:
            place = self.places.span(error.context_mark.index, error.context_mark.index)
            related = (Related(place, _own_words(error.context)),)
        span = self.places.span(at, at)
        self.problems.append(Diagnostic("yaml-syntax", message, span, related=related))

    def take(self, kind: str, event: Any, start: int, end: int) -> bool:
        """Take one event in; False when reading should stop."""
        if kind in ("ScalarEvent", "SequenceStartEvent", "MappingStartEvent"):
            self.total += 1
            if event.tag is not None:
                tag = str(event.tag)[:60]
                help = "quote a value to make it a string"
                self.problem("yaml-tag", f"the tag `{tag}` is not allowed", start, end, help)
                return False
        match kind:
            case "ScalarEvent":
                node = self.scalar(event, start, end)
                if event.anchor is not None:
                    self.anchors[event.anchor] = (node, 1)
                self.add(node, 1)
            case "AliasEvent":
                return self.alias(event.anchor, start, end)
            case "SequenceStartEvent" | "MappingStartEvent":
                if event.anchor is not None:
                    self.anchors[event.anchor] = None
                is_pairs = kind == "MappingStartEvent"
                self.stack.append(_Open(is_pairs, start, event.anchor))
                if len(self.stack) > self.limits.depth:
                    message = f"nested deeper than {self.limits.depth} levels"
                    self.problem("yaml-depth", message, start, end)
                    return False
            case "SequenceEndEvent" | "MappingEndEvent":
                self.close(end)
        return self.within(start, end)

    def within(self, start: int, end: int) -> bool:
        if self.total <= self.limits.nodes:
            return True
        message = f"the file expands to more than {self.limits.nodes:,} values"
        self.problem("yaml-size", message, start, end)
        return False

    def scalar(self, event: Any, start: int, end: int) -> Scalar:
        found = locate(self.places, start, end, event.style or "", event.value)
        value: Plain = event.value
        if event.implicit[0] and not event.style:
            try:
                value = resolve(event.value)
            except BadScalarError as error:
                self.problem(error.slug, error.message, found.start, found.end)
                value = 0
        return Scalar(value, found.text, self.places.span(found.start, found.end))

    def alias(self, name: str, start: int, end: int) -> bool:
        known = self.anchors.get(name)
        if known is None:
            which = "an alias to itself" if name in self.anchors else "an unknown alias"
            self.problem("yaml-alias", f"`*{name}` is {which}", start, end)
            return False
        node, count = known
        self.total += count
        self.add(node, count)
        return self.within(start, end)

    def close(self, end: int) -> None:
        done = self.stack.pop()
        # A block collection is said to end where the next thing begins.
        text = self.places.source.text
        last = done.children[-1].span if done.children else None
        span = self.places.span(done.start, max(done.start, end))
        if last is not None and text[end - 1 : end] not in ("]", "}"):
            span = Span(span.path, span.line, span.column, last.end_line, last.end_column)
        node: Node
        if done.pairs:
            keys, values = done.children[::_SLOTS_OF_A_PAIR], done.children[1::_SLOTS_OF_A_PAIR]
            node = Pairs(
                tuple((k, v) for k, v in zip(keys, values, strict=True) if isinstance(k, Scalar)),
                span,
            )
        else:
            node = Items(tuple(done.children), span)
        if done.anchor is not None:
            self.anchors[done.anchor] = (node, done.count)
        self.add(node, done.count)

    def add(self, node: Node, count: int) -> None:
        if not self.stack:
            self.root = node
            return
        parent = self.stack[-1]
        parent.count += count
        if parent.pairs and len(parent.children) % _SLOTS_OF_A_PAIR == 0:
            self.check_key(node, parent)
        parent.children.append(node)

    def check_key(self, node: Node, parent: _Open) -> None:
        if not isinstance(node, Scalar) or not isinstance(node.value, str):
            message = "a key must be a string"
            help = "quote it" if isinstance(node, Scalar) and node.value is not None else ""
            self.problems.append(Diagnostic("key-type", message, node.span, help=help))
        elif node.value == "<<":
            message = "merge keys `<<` are not supported"
            help = "write the keys out, or use an alias for the whole value"
            self.problems.append(Diagnostic("merge-key", message, node.span, help=help))
        elif (before := parent.first.setdefault(node.value, node)) is not node:
            related = (Related(before.span, "first defined here"),)
            message = f"`{node.value[:80]}` is defined twice"
            self.problems.append(Diagnostic("duplicate-key", message, node.span, related=related))


_WORDING: Mapping[str, str] = {
    "mapping values are not allowed here": "a `:` is not allowed here",
    "could not find expected ':'": "a `:` is missing after this key",
    "expected the node content": "a value is missing",
    "that cannot start any token": "this character cannot begin a value",
    "found unexpected end of stream": "the quoted text does not end",
    "found unexpected ':'": "a `:` is not allowed here",
    "did not find expected": "something is missing here",
    "found unknown escape character": "unknown escape in a double-quoted text",
    "found undefined alias": "this alias has no anchor",
    "found duplicate anchor": "this anchor is defined twice",
}


def _own_words(message: str) -> str:
    """A scanner's message in the form of ours: one line, lower case, no full stop."""
    for theirs, ours in _WORDING.items():
        if theirs in message:
            return ours
    line = " ".join(message.split())
    return line.replace("'<block end>'", "the end of the block").rstrip(".")[:200]
