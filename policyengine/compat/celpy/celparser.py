"""Parsing, with the errors and messages of cel-python."""

from __future__ import annotations

from typing import Any

from policyengine.cel.parser import parse
from policyengine.cel.unparse import unparse
from policyengine.compat.celpy._expression import Expression
from policyengine.compat.celpy._standard import macros
from policyengine.diagnostics import CompileError


class CELParseError(Exception):
    """A mistake in a text, at a line and a column (both from 1)."""

    def __init__(self, *args: Any, line: int | None = None, column: int | None = None) -> None:
        super().__init__(*args)
        self.line = line
        self.column = column


class CELParser:
    """Turns texts into expressions. `tree_class` is taken for cel-python's sake and not used."""

    CEL_PARSER: Any = None

    def __init__(self, tree_class: type | None = None) -> None:
        self.text = ""

    def parse(self, text: str) -> Expression:
        """The expression of a text.

        Raises `CELParseError` with the first mistake; `diagnostics` on its cause has all of them.

        >>> CELParser().parse("a +")
        Traceback (most recent call last):
        ...
        policyengine.compat.celpy.celparser.CELParseError: expected an expression, found the end
        """
        self.text = text
        try:
            return Expression(parse(text, macros=macros()))
        except CompileError as error:
            first = error.diagnostics[0]
            raise CELParseError(
                first.message, line=first.span.line, column=first.span.column
            ) from error

    def error_text(self, message: str, line: int | None = None, column: int | None = None) -> str:
        """A message with the line that it is about, and a mark below its column."""
        lines = self.text.splitlines()
        source = lines[line - 1] if line and line <= len(lines) else self.text
        dots = "." * (column - 1) if column else ""
        return (
            f"ERROR: <input>:{line or '?'}:{column or '?'} {message}\n"
            f"    | {source}\n"
            f"    | {dots}^\n"
        )


class DumpAST:
    """Expressions as texts."""

    @classmethod
    def display(cls, ast: Expression) -> str:
        """The expression, written again in one way."""
        return unparse(ast.ast)


def tree_dump(ast: Expression) -> str:
    """The expression, written again in one way.

    >>> tree_dump(CELParser().parse("a+b .c"))
    'a + b.c'
    """
    return DumpAST.display(ast)
