"""Short circuits: `&&`, `||` and `?:` as Python's own, where operands may need statements.

a && f(b)   ->   all = a
                 if all:
                     ...statements of f(b)
                     all = f(b)
"""

from __future__ import annotations

import ast

from policyengine.cel import ast as cel
from policyengine.cel.emit.module import assign, load, negated
from policyengine.cel.emit.value import Emitter, Value


def chained(fast: Emitter, operands: list[cel.Expr], is_and: bool) -> ast.expr:
    """`a and b and ...`; an operand that needs statements runs them only when reached."""
    operator: ast.boolop = ast.And() if is_and else ast.Or()
    name = ""
    values: list[ast.expr] = []
    # What operands prove holds for those behind them, which run only after them. Behind them all
    # it is sure for the first one alone.
    proved, sure, shown = dict[object, Value](), dict[object, Value](), dict[object, Value]()
    for position, operand in enumerate(operands):
        with fast.inner() as block:
            for key, known in proved.items():
                fast.learn(key, known)
            value = fast.condition(operand)
            learnt, due = fast.learnt()
        proved.update(learnt)
        proved.update(due)
        if position == 0:
            sure, shown = learnt, due
            fast.add(*block)
        elif block:
            if values:
                earlier = [load(name), *values] if name else values
                name = name or fast.module.fresh("all" if is_and else "any")
                fast.add(assign(name, joined(operator, earlier)))
                values = []
            reached = load(name) if is_and else negated(load(name))
            fast.add(ast.If(test=reached, body=[*block, assign(name, value)], orelse=[]))
            continue
        values.append(value)
    for key, known in sure.items():
        fast.learn(key, known)
    for key, known in shown.items():
        fast.prove(key, known)
    return joined(operator, [load(name), *values] if name else values)


def conditional(fast: Emitter, node: cel.Call) -> Value:
    """`a ? b : c`."""
    condition = fast.condition(node.args[0])
    with fast.inner() as then_block:
        then = fast.emit(node.args[1])
    with fast.inner() as else_block:
        otherwise = fast.emit(node.args[2])
    deep = then.deep and otherwise.deep
    if not then_block and not else_block:
        return Value(ast.IfExp(test=condition, body=then.node, orelse=otherwise.node), deep)
    name = fast.module.fresh("chosen")
    then_block.append(assign(name, then.node))
    else_block.append(assign(name, otherwise.node))
    fast.add(ast.If(test=condition, body=then_block, orelse=else_block))
    return Value(load(name), deep)


def joined(operator: ast.boolop, values: list[ast.expr]) -> ast.expr:
    """`a and b and c`, or the one value alone."""
    return values[0] if len(values) == 1 else ast.BoolOp(op=operator, values=values)
