"""A whole policy as one CEL expression.

    match: [{condition: a, output: x}, {output: y}]       a ? x : y
    match: [{condition: a, output: x}]                    a ? optional.of(x) : optional.none()
    match: [{rule: R}, {output: y}]                       R.orValue(y)
    aggregate: [{condition: a, output: x}, {rule: R}]     [?(a ? optional.of(x) : ...), ?R]
    variables: [{name: v, expression: e}]                 cel.bind(v, e, ...)

A nested rule without a condition that gives nothing leaves the choice to the matches behind it;
one with a condition does not. A long choice is made of short ones, so that the tree stays low:

    match: [A, B, C, D, ...]                              (A or B).or(C or D).orValue(...)
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from policyengine.cel.ast import Ast, Bind, Call, Expr, ListExpr, children
from policyengine.cel.checked import VariableRef
from policyengine.cel.moved import Moved
from policyengine.cel.parser import Limits
from policyengine.diagnostics import CompileError, Diagnostic
from policyengine.rules.cel_policy.typing import Check, Typed, typed
from policyengine.rules.model import CelPolicy, Match, PolicyRule
from policyengine.source import Anchor, Text

_PREFIX = "variables."
# As many matches are one choice; in it each takes a level of the tree.
_CHOICE = 16

_Part = tuple[Expr | None, Expr, bool]
"""A match: its condition if it has one, what it gives, and whether that is surely something."""


def checked_policy(policy: CelPolicy, check: Check) -> Typed:
    """All expressions of a policy with their types.

    Raises `CompileError` with everything that is wrong with the rules and their expressions.
    """
    if _levels(policy.rule) > Limits().depth:
        raise CompileError([_too_deep(policy)])
    checked = typed(policy.rule, check)
    if checked.problems:
        raise CompileError(checked.problems)
    return checked


class Composing(ABC):
    """Puts one tree together; the texts of its parts stand behind each other in one text.

    With `closed` a policy that gives nothing gives `otherwise()` instead. With `listed` what
    stands outside of aggregates comes as a list of one.
    """

    def __init__(
        self, policy: CelPolicy, checked: Typed, *, listed: bool, closed: bool = False
    ) -> None:
        self._policy = policy
        self._typed = checked
        self._listed = listed
        self._closed = closed
        self._last_id = 0
        start = policy.rule.span
        self._value = ["\n"]
        self._length = 1
        self._anchors = [Anchor(0, start.line, start.column)]
        # Where the match stands that nodes are made for.
        self.at = 0

    @abstractmethod
    def leaf(self, match: Match) -> Expr:
        """What stands for the output of a match that has one."""

    @abstractmethod
    def otherwise(self) -> Expr:
        """What a policy gives that gives nothing."""

    def chosen(self, condition: Expr, given: Expr, behind: Expr) -> Expr:
        """`condition ? given : behind`."""
        return self.call("_?_:_", condition, given, behind)

    def whole(self) -> Expr:
        """The node of the whole policy."""
        return self._rule(self._policy.rule, self._closed)

    def tree(self, root: Expr) -> Ast:
        """A node with its text. Raises `CompileError` where it is too deep."""
        text = Text("".join(self._value), self._policy.path, tuple(self._anchors))
        if _deeper(root, Limits().depth):
            raise CompileError([_too_deep(self._policy)])
        return Ast(text, root, self._last_id)

    def new_id(self) -> int:
        """An id that no node of the tree has."""
        self._last_id += 1
        return self._last_id

    def expression(self, text: Text, part: Expr | None = None) -> Expr:
        """A copy of an expression, or of a part of it, with the policy's variables as locals."""
        checked = self._typed.expressions[text]
        references = checked.references
        offset = self._length
        self._value.append(text.value + "\n")
        self._length += len(text.value) + 1
        self._anchors += [Anchor(a.offset + offset, a.line, a.column) for a in text.anchors]

        def local(node: Expr) -> str | None:
            reference = references.get(node.id)
            if isinstance(reference, VariableRef) and reference.name.startswith(_PREFIX):
                return _hidden(reference.name.removeprefix(_PREFIX))
            return None

        made = Moved(self.new_id, offset, local)(part or checked.ast.root)
        self.at = made.start
        return made

    def call(self, function: str, *args: Expr, target: Expr | None = None) -> Expr:
        """A call of a function or an operator."""
        at = self.at
        return Call(self.new_id(), at, at, function, target, args, at)

    def items(self, *elements: Expr, optional: frozenset[int] = frozenset()) -> Expr:
        """A list."""
        return ListExpr(self.new_id(), self.at, self.at, elements, optional)

    def _of(self, node: Expr) -> Expr:
        return self.call("optional.of", node)

    def _none(self) -> Expr:
        return self.call("optional.none")

    def _rule(self, rule: PolicyRule, closed: bool) -> Expr:
        values = [(v.name, self.expression(v.text)) for v in rule.variables]
        if rule.aggregate:
            node = self._list(rule)
        else:
            parts = [self._part(rule, match, closed) for match in rule.matches]
            total = self._typed.total(rule)
            node = self._choice(parts, self.otherwise() if closed and not total else None)
        for name, value in reversed(values):
            node = Bind(self.new_id(), value.start, value.end, _hidden(name), value, node)
        return node

    def _list(self, rule: PolicyRule) -> Expr:
        """All that is taken; what may not be is an element that may be left out."""
        elements: list[Expr] = []
        optional: set[int] = set()
        for at, match in enumerate(rule.matches):
            condition, given, total = self._part(rule, match, closed=False)
            if condition is None:
                if not total:
                    optional.add(at)
            else:
                given = self._of(given) if total else given
                given = self.call("_?_:_", condition, given, self._none())
                optional.add(at)
            elements.append(given)
        return self.items(*elements, optional=frozenset(optional))

    def _choice(self, parts: Sequence[_Part], otherwise: Expr | None) -> Expr:
        """The first that is taken."""
        # Where a nested rule has the last word, its nothing is not that of the choice.
        final = any(condition is not None and not total for condition, _, total in parts)
        if len(parts) <= _CHOICE or final:
            return self._chain(parts, otherwise)[0]
        cut = (len(parts) - 1) // _CHOICE * _CHOICE
        rest, rest_total = self._chain(parts[cut:], otherwise)
        choices = [self._chain(parts[at : at + _CHOICE], None)[0] for at in range(0, cut, _CHOICE)]
        function = "orValue" if rest_total else "or"
        return self.call(function, rest, target=self._first_of(choices))

    def _first_of(self, choices: Sequence[Expr]) -> Expr:
        if len(choices) == 1:
            return choices[0]
        middle = len(choices) // 2
        first = self._first_of(choices[:middle])
        return self.call("or", self._first_of(choices[middle:]), target=first)

    def _chain(self, parts: Sequence[_Part], otherwise: Expr | None) -> tuple[Expr, bool]:
        """The first that is taken, put together from the last."""
        rest, rest_total = otherwise, otherwise is not None
        for condition, given, total in reversed(parts):
            if condition is None and (total or rest is None):
                rest, rest_total = given, total
            elif condition is None:
                assert rest is not None
                rest = self.call("orValue" if rest_total else "or", rest, target=given)
            else:
                behind = self._none() if rest is None else rest
                both = total and rest_total
                if not both:
                    given = self._of(given) if total else given
                    behind = self._of(behind) if rest_total else behind
                rest, rest_total = self.chosen(condition, given, behind), both
        assert rest is not None
        return rest, rest_total

    def _part(self, rule: PolicyRule, match: Match, closed: bool) -> _Part:
        condition = None
        if match.condition is not None and not self._typed.always(match):
            condition = self.expression(match.condition)
            condition = self.call("!_", condition) if match.negate else condition
        if match.rule is None:
            node = self.leaf(match)
            if self._listed and not rule.aggregate:
                node = self.items(node)
            return condition, node, True
        closed = closed and (condition is not None or match is rule.matches[-1])
        return condition, self._rule(match.rule, closed), closed or self._typed.total(match.rule)


def _hidden(variable: str) -> str:
    """A local name that no text can spell."""
    return f"@{_PREFIX}{variable}"


def _levels(rule: PolicyRule) -> int:
    """How many levels of the tree a rule takes at least, its expressions not counted."""
    nested = [_levels(match.rule) for match in rule.matches if match.rule is not None]
    return len(rule.variables) + 1 + max(nested, default=0)


def _too_deep(policy: CelPolicy) -> Diagnostic:
    message = f"the policy is more than {Limits().depth} levels deep"
    help = "each variable and each rule takes a level, and so do operators within operators"
    return Diagnostic("expression-too-deep", message, policy.rule.span, help=help)


def _deeper(root: Expr, depth: int) -> bool:
    level: list[Expr] = [root]
    for _ in range(depth):
        level = [child for node in level for child in children(node)]
        if not level:
            return False
    return True
