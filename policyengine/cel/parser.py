"""The way in: an expression's text becomes an `Ast`, within limits."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass

from policyengine.cel.ast import Ast, Comprehension, Expr, children
from policyengine.cel.cursor import Cursor, LostError
from policyengine.cel.grammar import Grammar
from policyengine.cel.macros import table
from policyengine.cel.templates import template
from policyengine.diagnostics import CompileError, Diagnostic
from policyengine.source import Text


@dataclass(frozen=True, slots=True)
class Limits:
    """What an expression may be at most.

    `characters` in its text, brackets within brackets (`nesting`), levels of its tree (`depth`),
    and loops within loops (`loops`). The depth makes every later stage safe to write as plain
    recursion: `a + b + c` has a level for each `+`, while `&&` and `||` chains are balanced and
    may be as long as the text.
    """

    characters: int = 100_000
    nesting: int = 64
    depth: int = 128
    loops: int = 8


_DEFAULT = Limits()
# Tokens that mean what their text is.
_NAMED = frozenset({"name", "quoted"})
# A longer expression is not expected a second time with other constants.
_MOST_TOKENS = 256


def parse(
    text: Text | str, *, macros: Iterable[str] | None = None, limits: Limits = _DEFAULT
) -> Ast:
    """Parse an expression and expand its macros.

    `macros` are names of rows of `policyengine.cel.macros`; None means the standard ones. Raises
    `CompileError` with what is wrong, up to the first place where the parser loses its way.

    >>> parse("a.b == 1").root.function
    '_==_'
    """
    text = Text.plain(text) if isinstance(text, str) else text
    if len(text.value) > limits.characters:
        raise CompileError([_too_long(text, limits)])
    parser = Grammar(text, table(macros), limits.nesting)
    key = None
    if limits is _DEFAULT and len(parser.texts) <= _MOST_TOKENS:
        key = _key(parser)
        known = parser.macros.templates.get(key)
        if known is not None:
            ast = known.filled(text, parser.texts, parser.starts, parser.ends)
            if ast is not None:
                return ast
    try:
        root = parser.whole()
    except LostError:
        raise CompileError(parser.problems) from None
    size = parser.last_id - parser.dropped
    # A level of the tree takes at least one token, so most expressions need no second look.
    if parser.holes or len(parser.kinds) > limits.depth:
        size = _size(root, limits.depth, parser)
    # A loop has a comma, so most expressions need no look at all.
    if parser.texts.count(",") > limits.loops:
        _check_loops(root, limits.loops, parser)
    if parser.problems:
        raise CompileError(parser.problems)
    if parser.numbered or len(parser.texts) > _MOST_TOKENS:
        return Ast(text, root, size)
    ast = Ast(text, root, size, parser.macros.shape(tuple(parser.texts)))
    if key is not None and not parser.holes:
        parser.macros.remember(key, template(ast, parser.starts, parser.ends))
    return ast


def _key(parser: Cursor) -> Hashable:
    """What expressions have in common that differ in the texts of their literals only."""
    kinds = parser.kinds
    named = zip(kinds, parser.texts, strict=True)
    return tuple(kinds), tuple([text for kind, text in named if kind in _NAMED])


def _too_long(text: Text, limits: Limits) -> Diagnostic:
    return Diagnostic(
        "expression-too-long",
        f"expression has {len(text.value)} characters, at most {limits.characters} are allowed",
        text.span(0, 1),
        help="long lists belong into the bundle's data or constants",
    )


def _check_loops(root: Expr, most: int, parser: Cursor) -> None:
    """Reports loops that are nested too deeply: their turns multiply."""
    pending = [(root, 0)]
    while pending:
        node, within = pending.pop()
        if not isinstance(node, Comprehension):
            pending.extend((child, within) for child in children(node))
            continue
        if within == most:
            parser.add(
                "loops-too-deep",
                f"loops are nested more than {most} deep",
                node.start,
                node.end,
                help="their turns multiply; split the expression up with variables",
            )
            return
        pending.append((node.range, within))
        turns = (node.condition, node.result)
        pending.extend((part, within + 1) for part in turns if part is not None)


def _size(root: Expr, depth: int, parser: Cursor) -> int:
    """The number of nodes, counted level by level; a tree with too many levels is a problem."""
    size = 0
    level: tuple[Expr, ...] | list[Expr] = (root,)
    for _ in range(depth):
        size += len(level)
        level = [child for node in level for child in children(node)]
        if not level:
            return size
    parser.add(
        "expression-too-deep",
        f"expression is more than {depth} levels deep",
        level[0].start,
        level[0].end,
        help="split it up with variables",
    )
    return size
