"""A whole policy as one CEL expression.

    match: [{condition: a, output: x}, {output: y}]       a ? x : y
    match: [{condition: a, output: x}]                    a ? optional.of(x) : optional.none()
    match: [{rule: R}, {output: y}]                       R.orValue(y)
    aggregate: [{condition: a, output: x}, {rule: R}]     [?(a ? optional.of(x) : ...), ?R]
    variables: [{name: v, expression: e}]                 cel.bind(v, e, ...)

A nested rule without a condition that gives nothing leaves the choice to the matches behind it;
one with a condition does not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from policyengine.cel.ast import Ast, Bind, Call, Constant, Expr, ListExpr, children
from policyengine.cel.checked import VariableRef
from policyengine.cel.environment import Environment, Program
from policyengine.cel.moved import Moved
from policyengine.cel.parser import Limits
from policyengine.diagnostics import CompileError, Diagnostic
from policyengine.rules.cel_policy.model import CelPolicy, Match, PolicyRule, rules
from policyengine.rules.cel_policy.typing import Typed, typed
from policyengine.source import Anchor, Text

_PREFIX = "variables."


@dataclass(frozen=True, slots=True)
class CompiledPolicy:
    """A policy as two programs of the same input.

    `output` gives what the policy gives. Where it may give nothing (`total` is false) it gives an
    optional; an `aggregate` gives a list. `explanation` gives the explanations of the matches
    that `output` takes, in the same form; one that has none is the empty text. Where there is
    an aggregate anywhere, they come as lists.
    """

    name: str
    total: bool
    output: Program
    explanation: Program


def compile(policy: CelPolicy, environment: Environment) -> CompiledPolicy:
    """The programs of a policy. The environment must have the library `optionals`.

    Raises `CompileError` with everything that is wrong with the rules and their expressions.
    """
    if _levels(policy.rule) > Limits().depth:
        raise CompileError([_too_deep(policy)])
    checked = typed(policy.rule, environment)
    if checked.problems:
        raise CompileError(checked.problems)

    def program(part: Callable[[Match], Text | None], *, listed: bool) -> Program:
        composed = _Composing(policy, checked, part)
        return environment.compile_tree(composed.ast(listed=listed))

    return CompiledPolicy(
        policy.name,
        checked.total(policy.rule),
        program(lambda match: match.output, listed=False),
        # Beside an aggregate outputs are lists already, explanations have to become some.
        program(
            lambda match: match.explanation,
            listed=any(rule.aggregate for rule in rules(policy.rule)),
        ),
    )


class _Composing:
    """Puts one tree together; the texts of its parts stand behind each other in one text."""

    def __init__(
        self, policy: CelPolicy, checked: Typed, part: Callable[[Match], Text | None]
    ) -> None:
        self._policy = policy
        self._typed = checked
        self._part = part
        self._last_id = 0
        start = policy.rule.span
        self._value = ["\n"]
        self._length = 1
        self._anchors = [Anchor(0, start.line, start.column)]
        # Where the match stands that nodes are made for.
        self._at = 0

    def ast(self, *, listed: bool) -> Ast:
        """The tree; with `listed` what stands outside of aggregates becomes a list of one."""
        root = self._rule(self._policy.rule, listed)
        text = Text("".join(self._value), self._policy.path, tuple(self._anchors))
        if _deeper(root, Limits().depth):
            raise CompileError([_too_deep(self._policy)])
        return Ast(text, root, self._last_id)

    def _new_id(self) -> int:
        self._last_id += 1
        return self._last_id

    def _expression(self, text: Text) -> Expr:
        """A copy of an expression, with the policy's variables as local names."""
        checked = self._typed.expressions[text]
        references = checked.references
        offset = self._length
        self._value.append(text.value + "\n")
        self._length += len(text.value) + 1
        self._anchors += [Anchor(a.offset + offset, a.line, a.column) for a in text.anchors]
        self._at = offset

        def local(node: Expr) -> str | None:
            reference = references.get(node.id)
            if isinstance(reference, VariableRef) and reference.name.startswith(_PREFIX):
                return _hidden(reference.name.removeprefix(_PREFIX))
            return None

        return Moved(self._new_id, offset, local)(checked.ast.root)

    def _call(self, function: str, *args: Expr, target: Expr | None = None) -> Expr:
        at = self._at
        return Call(self._new_id(), at, at, function, target, args, at)

    def _of(self, node: Expr) -> Expr:
        return self._call("optional.of", node)

    def _none(self) -> Expr:
        return self._call("optional.none")

    def _rule(self, rule: PolicyRule, listed: bool) -> Expr:
        values = [(v.name, self._expression(v.text)) for v in rule.variables]
        node = self._list(rule) if rule.aggregate else self._chain(rule, listed)
        for name, value in reversed(values):
            node = Bind(self._new_id(), value.start, value.end, _hidden(name), value, node)
        return node

    def _list(self, rule: PolicyRule) -> Expr:
        """All that is taken; what may not be is an element that may be left out."""
        elements: list[Expr] = []
        optional: set[int] = set()
        for at, match in enumerate(rule.matches):
            condition = self._condition(match)
            given, total = self._given(match, listed=False)
            if condition is None:
                if not total:
                    optional.add(at)
            else:
                given = self._of(given) if total else given
                given = self._call("_?_:_", condition, given, self._none())
                optional.add(at)
            elements.append(given)
        at = self._at
        return ListExpr(self._new_id(), at, at, tuple(elements), frozenset(optional))

    def _chain(self, rule: PolicyRule, listed: bool) -> Expr:
        """The first that is taken, put together from the last."""
        parts = [(self._condition(m), *self._given(m, listed)) for m in rule.matches]
        rest: Expr | None = None
        rest_total = False
        for condition, given, total in reversed(parts):
            if condition is None and (total or rest is None):
                rest, rest_total = given, total
            elif condition is None:
                assert rest is not None
                rest = self._call("orValue" if rest_total else "or", rest, target=given)
            else:
                behind = self._none() if rest is None else rest
                both = total and rest_total
                if not both:
                    given = self._of(given) if total else given
                    behind = self._of(behind) if rest_total else behind
                rest, rest_total = self._call("_?_:_", condition, given, behind), both
        assert rest is not None
        return rest

    def _condition(self, match: Match) -> Expr | None:
        if match.condition is None or self._typed.always(match):
            return None
        node = self._expression(match.condition)
        return self._call("!_", node) if match.negate else node

    def _given(self, match: Match, listed: bool) -> tuple[Expr, bool]:
        """What a match gives where it is taken, and whether that is surely something."""
        if match.rule is not None:
            return self._rule(match.rule, listed), self._typed.total(match.rule)
        text = self._part(match)
        at = self._at
        node: Expr
        if text is None:
            node = Constant(self._new_id(), at, at, "string", "")
        else:
            node = self._expression(text)
        if listed:
            node = ListExpr(self._new_id(), node.start, node.end, (node,))
        return node, True


def _hidden(variable: str) -> str:
    """A local name that no text can spell."""
    return f"@{_PREFIX}{variable}"


def _levels(rule: PolicyRule) -> int:
    """How many levels of the tree a rule takes, its expressions not counted."""
    nested = [_levels(match.rule) for match in rule.matches if match.rule is not None]
    chain = 1 if rule.aggregate else len(rule.matches)
    return len(rule.variables) + chain + max(nested, default=0)


def _too_deep(policy: CelPolicy) -> Diagnostic:
    message = f"the policy is more than {Limits().depth} levels deep"
    help = "each variable and each match takes a level, and so do operators within operators"
    return Diagnostic("expression-too-deep", message, policy.rule.span, help=help)


def _deeper(root: Expr, depth: int) -> bool:
    level: list[Expr] = [root]
    for _ in range(depth):
        level = [child for node in level for child in children(node)]
        if not level:
            return False
    return True
