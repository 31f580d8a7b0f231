"""The one way in which policy files are laid out.

Keys come in the order of the language, levels are indented by two spaces, quotes are double where
that needs no escapes, blank lines are single. Comments, line breaks inside values and CEL stay as
they are.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator

from policyengine.errors import PolicyEngineError
from policyengine.rules.key_order import reordered
from policyengine.rules.layout import UnusualLayoutError, laid_out
from policyengine.rules.yaml import Document, Items, Node, Pairs, Scalar, read
from policyengine.source import Source

_COMMENT = re.compile(r"(?:^|(?<=[ \t]))#.*")

# Formatting what is formatted changes nothing; a text that needs more rounds is not understood.
_ROUNDS = 4


class FormatRefusedError(PolicyEngineError):
    """A file cannot be formatted without a change of what it means or says."""


def formatted(source: Source) -> str:
    """The file's text in the canonical layout.

    Raises `CompileError` for what is not valid YAML, and `FormatRefusedError` where the result
    would not have the same meaning and the same comments.

    >>> print(formatted(Source("p.yaml", "rules:\\n- when: 'a'\\n  id:   x\\nkind: Policy")))
    kind: Policy
    rules:
      - id: x
        when: "a"
    <BLANKLINE>
    """
    before = read(source)
    for step in (_ordered_and_laid_out, laid_out, _ended):
        text = _settled(before, step)
        if text is not None:
            return text
    raise FormatRefusedError(
        f"`{source.path}` cannot be formatted without a change of its meaning; it is left as it is"
    )


def _ordered_and_laid_out(document: Document) -> str:
    return laid_out(read(Source(document.source.path, reordered(document))))


def _ended(document: Document) -> str:
    """The text of a file whose layout is too unusual for more, its last line ended."""
    text = document.source.text
    return text if text.endswith("\n") else text + "\n"


def _settled(before: Document, step: Callable[[Document], str]) -> str | None:
    """The text after a step that changes nothing any more, or None if it is not the same file."""
    document = before
    for _ in range(_ROUNDS):
        try:
            text = step(document)
            after = read(Source(before.source.path, text))
        except (UnusualLayoutError, PolicyEngineError):
            return None
        if not _says_the_same(before, after):
            return None
        if text == document.source.text:
            return text
        document = after
    return None


def _says_the_same(before: Document, after: Document) -> bool:
    return _meaning(before) == _meaning(after) and _comments(before) == _comments(after)


def _meaning(document: Document) -> str:
    """The data as text: unlike `==` on values it tells 1, 1.0 and true apart."""
    return json.dumps(document.plain(), sort_keys=True)


def _comments(document: Document) -> list[str]:
    lines = [list(line) for line in document.source.text.replace("\r\n", "\n").split("\n")]
    for scalar in _scalars(document.root):
        span = scalar.span
        for number in range(span.line - 1, span.end_line):
            line = lines[number]
            start = span.column - 1 if number == span.line - 1 else 0
            end = span.end_column - 1 if number == span.end_line - 1 else len(line)
            line[start:end] = "x" * len(line[start:end])
    texts = ("".join(line) for line in lines)
    return sorted(found.group().rstrip() for text in texts for found in _COMMENT.finditer(text))


def _scalars(node: Node) -> Iterator[Scalar]:
    match node:
        case Scalar():
            yield node
        case Items():
            for item in node.items:
                yield from _scalars(item)
        case Pairs():
            for key, value in node.pairs:
                yield key
                yield from _scalars(value)
