"""Conjuncts that become the same code: rules that differ only in what finds them share it."""

from __future__ import annotations

from collections.abc import Hashable

from policyengine.cel import ast as cel
from policyengine.cel.checked import CheckedExpression, FunctionRef, VariableRef
from policyengine.cel.emit.paths import Leaf
from policyengine.codegen.ir import Found
from policyengine.codegen.passes import read_by


def likeness(found: Found) -> Hashable:
    """A key that two rules of one point have in common only if their rests are the same code.

    Where a rest is not plain enough to say, the key is the rule's own.
    """
    if not found.rest:
        return ()
    key: list[Hashable] = [found.rule.checked.policy.name, granted(found)]
    for conjunct in found.rest:
        key.append(conjunct.negate)
        if not _extend(key, conjunct.expression, conjunct.node):
            return found.rule.position
    return tuple(key)


def granted(found: Found) -> frozenset[Leaf]:
    """The optional paths that what is left of a rule takes for granted."""
    read = read_by(found.rest)
    return found.rule.paths if read is None else found.rule.paths & read


def _extend(key: list[Hashable], checked: CheckedExpression, root: cel.Expr) -> bool:
    """Adds what a node and those below it become; says whether that could be told."""
    pending = [root]
    while pending:
        node = pending.pop()
        reference = checked.references.get(node.id)
        match node:
            case cel.Ident() if isinstance(reference, VariableRef):
                key.append(node.name)
            case cel.Select(field=name, test=test, optional=optional):
                key += [name, test, optional]
                pending.append(node.operand)
            case cel.Constant(kind=kind, value=value):
                # 0.0 and -0.0 are equal, but not the same.
                key += [kind, repr(value) if kind == "double" else value]
            case cel.Call(args=args, target=target) if isinstance(reference, FunctionRef):
                # By identity, which is cheap: these are rows of tables that outlive the program.
                key += [id(reference.function), *map(id, reference.overloads), target is None]
                key += [len(args), reference.namespaced]
                pending += args if target is None else [target, *args]
            case cel.ListExpr(elements=elements, optional=optional) if not optional:
                key += ["[]", len(elements)]
                pending += elements
            case _:
                return False
        # A part of a dotted name has no type, nor has one that a namespace begins with.
        key.append(checked.types.get(node.id))
        if isinstance(reference, VariableRef):
            key.append(reference.name)
    return True
