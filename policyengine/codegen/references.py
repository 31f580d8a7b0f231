"""The reference forms of a point's rules, in modules of their own that are made when asked for."""

from __future__ import annotations

import ast
import marshal
from collections.abc import Mapping, Sequence
from types import CodeType
from typing import Any, overload

from policyengine.cel import ast as cel
from policyengine.cel.charges import may_charge
from policyengine.cel.checked import CheckedExpression
from policyengine.cel.emit.module import Module, call, function, literal, load
from policyengine.codegen.ir import Conjunct, PointIR, RuleIR
from policyengine.codegen.passes import question, variables_behind
from policyengine.codegen.rule_reference import RuleReference
from policyengine.values.references import CHUNK, function_name

# The parameters of every point's function: the input and the time.
ARGUMENTS = ("i", "now")
# The local that holds what the loops of a decision draw on.
ALLOWANCE = "allowance"


def fact_name(position: int) -> str:
    """The local that holds a fact."""
    return f"fact{position}"


class ReferenceForms:
    """Emits reference forms of rules of one point. `constants` are the bundle's."""

    def __init__(self, ir: PointIR, constants: Mapping[str, Any]) -> None:
        self._ir = ir
        self._constants = constants
        self._facts = {question(fact): i for i, fact in enumerate(ir.facts)}
        # What the reference form of a rule without facts is given.
        charging = _may_charge(ir)
        self.arguments: tuple[str, ...] = (*ARGUMENTS, ALLOWANCE) if charging else ARGUMENTS
        self._with_facts = (*self.arguments, *map(fact_name, range(len(ir.facts))))

    @property
    def allowance(self) -> tuple[ast.expr, ...]:
        """What the budgets of loops draw on; nothing where no loop has one."""
        return (load(ALLOWANCE),) if ALLOWANCE in self.arguments else ()

    def parameters(self, rule: RuleIR) -> tuple[str, ...]:
        """What the reference form of a rule is given: with facts, all facts of the point."""
        return self._with_facts if rule.facts else self.arguments

    def emit(
        self, module: Module, rule: RuleIR, conjuncts: tuple[Conjunct, ...], name: str
    ) -> None:
        """Adds a function that says whether these conjuncts of a rule hold."""
        reference = RuleReference(
            module,
            lambda constant: self.constant(module, constant),
            lambda expression, node: call(
                module.runtime("judge.fact"), load(self.fact_of(rule, expression, node))
            ),
            self.allowance,
        )
        variables = variables_behind(self._ir, rule.checked.policy.name, conjuncts)
        operands = reference.emit(conjuncts, variables)
        every = call(module.runtime("lazy.every"), *operands)
        body: list[ast.stmt] = [*reference.statements, ast.Return(value=every)]
        module.functions.append(function(name, self.parameters(rule), body))

    def constant(self, module: Module, name: str) -> ast.expr:
        """A constant of the bundle; lists and objects are made once."""
        value = self._constants[name]
        if isinstance(value, list | dict):
            return module.constant(("constant", name), lambda: literal(value))
        return literal(value)

    def fact_of(self, rule: RuleIR, expression: CheckedExpression, node: cel.Call) -> str:
        """The local with the findings that a fact call asks for."""
        for condition in rule.checked.conditions:
            if condition.expression is expression and node.id in condition.facts:
                return fact_name(self._facts[question(condition.facts[node.id])])
        for (policy, _), variable in self._ir.variables.items():
            if policy == rule.checked.policy.name and variable.expression is expression:
                return fact_name(self._facts[question(variable.facts[node.id])])
        raise AssertionError("a fact call without its fact")


def _may_charge(ir: PointIR) -> bool:
    """Whether loops of a point's rules may need budgets."""
    point = ir.checked
    conditions = [each for variables in point.variables.values() for each in variables.values()]
    conditions += [each for rule in point.rules for each in rule.conditions]
    return any(may_charge(each.expression) for each in conditions)


class Chunks(Sequence[bytes]):
    """The marshalled reference forms of a point's rules; each chunk is made when asked for."""

    def __init__(self, ir: PointIR, forms: ReferenceForms) -> None:
        self._ir = ir
        self._forms = forms
        self._made: dict[int, bytes] = {}

    def __len__(self) -> int:
        return -(-len(self._ir.rules) // CHUNK)

    @overload
    def __getitem__(self, index: int) -> bytes: ...

    @overload
    def __getitem__(self, index: slice) -> list[bytes]: ...

    def __getitem__(self, index: int | slice) -> bytes | list[bytes]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        if not 0 <= index < len(self):
            raise IndexError(index)
        if index not in self._made:
            self._made[index] = marshal.dumps(self._compiled(index, self._tree(index)))
        return self._made[index]

    def text(self, number: int) -> str:
        """The module of a chunk as text; its code is made with it, and kept."""
        tree = self._tree(number)
        if number not in self._made:
            self._made[number] = marshal.dumps(self._compiled(number, tree))
        return ast.unparse(tree)

    def _tree(self, number: int) -> ast.Module:
        module = Module()
        for rule in self._ir.rules[number * CHUNK : (number + 1) * CHUNK]:
            self._forms.emit(module, rule, rule.conjuncts, function_name(rule.position))
        return module.tree()

    def _compiled(self, number: int, tree: ast.Module) -> CodeType:
        files = {
            function_name(rule.position): rule.checked.rule.span.path
            for rule in self._ir.rules[number * CHUNK : (number + 1) * CHUNK]
        }
        name = f"<reference forms of {self._ir.checked.point.name}>"
        return in_files(compile(tree, name, "exec", dont_inherit=True), files)


def in_files(code: CodeType, files: Mapping[str, str]) -> CodeType:
    """The code with each rule's functions in its policy's file, where its line numbers lie."""
    constants = tuple(
        _moved(constant, files[constant.co_name])
        if isinstance(constant, CodeType) and constant.co_name in files
        else constant
        for constant in code.co_consts
    )
    return code.replace(co_consts=constants)


def _moved(code: CodeType, path: str) -> CodeType:
    constants = tuple(
        _moved(constant, path) if isinstance(constant, CodeType) else constant
        for constant in code.co_consts
    )
    return code.replace(co_filename=path, co_consts=constants)


def text(main: ast.Module, chunks: Mapping[str, Chunks]) -> str:
    """The modules of a program as text, one behind the other, for people."""
    parts = [ast.unparse(main)]
    for name, forms in chunks.items():
        for number in range(len(forms)):
            parts.append(f"# reference forms of {name}\n{forms.text(number)}")
    return "\n\n\n".join(parts) + "\n"
