"""The reference form of a rule: its conjuncts as functions, its variables computed when needed."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping

from policyengine.cel import ast as cel
from policyengine.cel.checked import CheckedExpression, VariableRef
from policyengine.cel.emit.kinds import kind
from policyengine.cel.emit.module import Module, assign, call, load, method, thunk
from policyengine.cel.emit.reference import Reference
from policyengine.codegen.ir import Conjunct
from policyengine.codegen.passes import is_given, named_variables
from policyengine.rules.model import CheckedCondition

# A chain of variables is computed from its beginning in steps of this length, so that running it
# needs no deep stack.
CHAIN = 8


class RuleReference:
    """Emits the reference form of conjuncts of one rule.

    `statements` define the variables; they go before what `emit` gives. `constant` gives a
    constant of the bundle, `fact` the findings that a fact call asks for. `allowance` is what the
    budgets of its loops draw on, if there are any.
    """

    def __init__(
        self,
        module: Module,
        constant: Callable[[str], ast.expr],
        fact: Callable[[CheckedExpression, cel.Call], ast.expr],
        allowance: tuple[ast.expr, ...] = (),
    ) -> None:
        self._allowance = allowance
        self.statements: list[ast.stmt] = []
        self._module = module
        self._constant = constant
        self._fact = fact
        self._variables: dict[str, str] = {}
        self._chained: dict[str, int] = {}
        self._emitters: dict[int, Reference] = {}

    def emit(
        self, conjuncts: tuple[Conjunct, ...], variables: Mapping[str, CheckedCondition]
    ) -> list[ast.expr]:
        """A function for each conjunct. `variables` are all that these need, in order."""
        for name, variable in variables.items():
            self._define(name, variable.expression)
        operands = []
        for conjunct in conjuncts:
            made = self._emitter(conjunct.expression).emit(conjunct.node)
            if conjunct.negate:
                made = call(self._module.runtime("judge.negation"), made)
            operands.append(thunk(made))
        return operands

    def _define(self, name: str, expression: CheckedExpression) -> None:
        computed = self._emitter(expression).emit(expression.ast.root)
        local = self._variables[name] = self._module.fresh(f"variable_{name}")
        once = call(self._module.runtime("lazy.Once"), thunk(computed))
        self.statements.append(assign(local, once))
        before = max((self._chained[used] for used in named_variables(expression)), default=0)
        self._chained[name] = before + 1
        if self._chained[name] % CHAIN == 0:
            self.statements.append(ast.Expr(value=method(load(local), "settle")))

    def _emitter(self, expression: CheckedExpression) -> Reference:
        found = self._emitters.get(id(expression))
        if found is None:
            found = self._emitters[id(expression)] = Reference(
                expression,
                self._module,
                lambda reference, node: self._read(expression, reference, node),
                lambda node: self._fact(expression, node),
                self._part,
                self._allowance,
            )
        return found

    def _read(
        self, expression: CheckedExpression, reference: VariableRef, node: cel.Expr
    ) -> ast.expr:
        if reference.name == "now":
            return load("now")
        kind_, _, rest = reference.name.partition(".")
        if is_given(reference.name):
            return (
                self._constant(rest) if kind_ == "constants" else call(load(self._variables[rest]))
            )
        wanted = ast.Constant(value=kind(expression.types[node.id]))
        read = self._module.runtime("conform.read")
        return call(read, load("i"), ast.Constant(value=reference.name), wanted)

    def _part(self, reference: VariableRef) -> ast.expr | None:
        if is_given(reference.name):
            return None
        field = ast.Constant(value=reference.name)
        return call(self._module.runtime("conform.part"), load("i"), field)
