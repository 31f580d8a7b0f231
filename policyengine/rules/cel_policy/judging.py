"""A policy as the condition of a rule: what it gives says whether the rule's clause holds.

| it gives | the clause holds where that is |
|---|---|
| bool | true |
| text | not empty |
| an optional | there, and holds itself |
| a list, an aggregate | one of which an element holds |
| an object | asked for one of its keys, of which the above is true |
| nothing | never |

Elements that are neither bool nor text hold by being there.
"""

from __future__ import annotations

from dataclasses import dataclass

from policyengine.cel.ast import (
    Ast,
    Comprehension,
    Constant,
    ConstantKind,
    Expr,
    Ident,
    MapExpr,
    Select,
)
from policyengine.cel.checked import CheckedExpression
from policyengine.cel.suggestions import closest
from policyengine.cel.types import (
    BOOL,
    DYN,
    STRING,
    ListType,
    MapType,
    ObjectType,
    OptionalType,
    Type,
)
from policyengine.diagnostics import CompileError, Diagnostic
from policyengine.rules.cel_policy.composing import Composing, checked_policy
from policyengine.rules.cel_policy.typing import Check, Typed
from policyengine.rules.model import CelPolicy, Match
from policyengine.source import Text

_ELEMENT = "@output"


def condition(policy: CelPolicy, key: str | None, check: Check) -> Ast | None:
    """The tree of a condition, None where something is wrong with it that is told of elsewhere.

    `key` chooses from outputs that are objects. Raises `CompileError` with everything that is
    wrong.
    """
    checked = checked_policy(policy, check)
    if checked.broken:
        return None
    outputs: dict[Text, _Output] = {}
    problems: list[Diagnostic] = []
    for rule in policy.rule.within():
        for match in rule.matches:
            if match.output is None:
                continue
            try:
                output = _output(checked.expressions[match.output], key)
                outputs[match.output] = output
                _judgeable(output, match.output, in_list=rule.aggregate)
            except CompileError as error:
                problems += error.diagnostics
    if problems:
        raise CompileError(problems)
    return _Judging(policy, checked, outputs).condition()


@dataclass(frozen=True, slots=True)
class _Output:
    """What an output gives: the node in its expression, a field of it, and the type of that."""

    node: Expr
    field: str | None
    type: Type


def _output(checked: CheckedExpression, key: str | None) -> _Output:
    root, type_ = checked.ast.root, checked.type
    if key is None:
        return _Output(root, None, type_)
    span = checked.ast.span(root)
    if isinstance(root, MapExpr) and all(isinstance(e.key, Constant) for e in root.entries):
        values = {e.key.value: e.value for e in root.entries if isinstance(e.key, Constant)}
        if key in values:
            return _Output(values[key], None, checked.types[values[key].id])
        meant = closest(key, [name for name in values if isinstance(name, str)])
        note = f"did you mean `{meant}`?" if meant else ""
        message = f"this output has no key `{key[:80]}`"
        raise CompileError([Diagnostic("policy-key", message, span, note)])
    match type_:
        case MapType(key=kind, value=value) if kind in (STRING, DYN):
            return _Output(root, key, value)
        case ObjectType(fields=fields) if key in fields:
            return _Output(root, key, fields[key].type)
        case ObjectType():
            message = f"`{type_}` has no field `{key[:80]}`"
        case _:
            message = f"`key` chooses from an object, this is `{type_}`"
    raise CompileError([Diagnostic("policy-key", message, span)])


def _judgeable(output: _Output, text: Text, *, in_list: bool) -> None:
    if in_list or output.type in (BOOL, DYN, STRING):
        return
    if isinstance(output.type, ListType | OptionalType):
        return
    message = f"an output of `{output.type}` does not say whether the rule's clause holds"
    help = "it may be bool, a text that says why, or a list or an optional of these"
    if isinstance(output.type, MapType | ObjectType):
        help = "choose one of its keys with `key`, as in `policy: {file: limits.yaml, key: denied}`"
    span = text.span(0, len(text.value))
    raise CompileError([Diagnostic("policy-output", message, span, help=help)])


class _Judging(Composing):
    """Puts the condition together: each output becomes bool where it stands."""

    def __init__(self, policy: CelPolicy, checked: Typed, outputs: dict[Text, _Output]) -> None:
        listed = any(rule.aggregate for rule in policy.rule.within())
        super().__init__(policy, checked, listed=listed, closed=True)
        self._outputs = outputs

    def condition(self) -> Ast:
        """The whole condition."""
        root = self.whole()
        return self.tree(self._any(root, BOOL) if self._listed else root)

    def leaf(self, match: Match) -> Expr:
        assert match.output is not None
        output = self._outputs[match.output]
        node = self.expression(match.output, output.node)
        if output.field is not None:
            at = self.at
            node = Select(self.new_id(), at, node.end, node, output.field, at)
        return self._holds(node, output.type)

    def chosen(self, condition: Expr, given: Expr, behind: Expr) -> Expr:
        # The plain condition can be looked up by its constants. With `||` or `&&` for more than
        # this an error could be absorbed, which a choice does not do.
        if _is(given, True) and _is(behind, False):
            return condition
        return super().chosen(condition, given, behind)

    def otherwise(self) -> Expr:
        return self.items() if self._listed else self._constant(False)

    def _constant(self, value: bool | int | str) -> Expr:
        kinds: dict[type, ConstantKind] = {bool: "bool", int: "int", str: "string"}
        return Constant(self.new_id(), self.at, self.at, kinds[type(value)], value)

    def _holds(self, node: Expr, type_: Type) -> Expr:
        match type_:
            case _ if type_ in (BOOL, DYN):
                return node
            case _ if isinstance(node, Constant) and type_ == STRING:
                return self._constant(node.value != "")
            case _ if type_ == STRING:
                return self.call("_!=_", node, self._constant(""))
            case ListType(element=element):
                return self._any(node, element)
            case OptionalType(value=value):
                default = self._absent(value)
                if default is None:
                    return self.call("hasValue", target=node)
                return self._holds(self.call("orValue", default, target=node), value)
            case _:
                # An element of a list holds by being there, once it could be evaluated.
                return self.call("_>_", self.call("size", self.items(node)), self._constant(0))

    def _absent(self, type_: Type) -> Expr | None:
        """The value of a type that does not hold, where there is one."""
        match type_:
            case _ if type_ in (BOOL, DYN):
                return self._constant(False)
            case _ if type_ == STRING:
                return self._constant("")
            case ListType():
                return self.items()
            case OptionalType():
                return self.call("optional.none")
            case _:
                return None

    def _any(self, node: Expr, element: Type) -> Expr:
        at = self.at
        one = Ident(self.new_id(), at, at, _ELEMENT)
        holds = self._holds(one, element)
        return Comprehension(self.new_id(), at, at, "exists", node, (_ELEMENT,), holds, None, at)


def _is(node: Expr, value: bool) -> bool:
    return isinstance(node, Constant) and node.value is value
