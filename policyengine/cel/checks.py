"""Many expressions checked with the same declarations: those of one shape only once.

Rules of a bundle often differ in nothing but their constants, and a type never depends on the
value of a constant.
"""

from __future__ import annotations

from policyengine.cel.ast import Ast, Shape
from policyengine.cel.checked import CheckedExpression, Declarations, FunctionRef
from policyengine.cel.checker import check
from policyengine.cel.constant_arguments import checks_constants
from policyengine.cel.types import Type


class Checks:
    """Checks expressions, and shares the tables of those that have one shape.

    >>> from policyengine.cel.functions import library, table
    >>> from policyengine.cel.parser import parse
    >>> from policyengine.cel.types import STRING
    >>> checks = Checks(Declarations({"a": STRING}, table(library("standard").functions)))
    >>> one, other = (checks.check(parse(f"a == '{text}'")) for text in "xy")
    >>> one.types is other.types, other.ast.root.args[1].value
    (True, 'y')
    """

    __slots__ = ("_declarations", "_known")

    def __init__(self, declarations: Declarations) -> None:
        self._declarations = declarations
        self._known: dict[tuple[Shape, Type | None], CheckedExpression] = {}

    def check(self, ast: Ast, expected: Type | None = None) -> CheckedExpression:
        """What `checker.check` gives; raises `CompileError` as it does."""
        shape = ast.shape
        if shape is None:
            return check(ast, self._declarations, expected)
        known = self._known.get((shape, expected))
        if known is not None:
            return CheckedExpression(ast, known.types, known.references, known.type)
        checked = check(ast, self._declarations, expected)
        if not any(
            isinstance(reference, FunctionRef) and checks_constants(reference.function)
            for reference in checked.references.values()
        ):
            self._known[shape, expected] = checked
        return checked
