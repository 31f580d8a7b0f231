"""A tree back into text: the canonical form of an expression.

Parsing the text gives the same tree again, ids and places aside, when the macros that made the
tree are known to the parser.
"""

from __future__ import annotations

import re
from typing import assert_never

from policyengine.cel import macros
from policyengine.cel.ast import (
    Ast,
    Bind,
    Call,
    Comprehension,
    Constant,
    Expr,
    Ident,
    ListExpr,
    MapExpr,
    Select,
    Struct,
)
from policyengine.cel.lexer import KEYWORDS
from policyengine.cel.literals import write_bytes, write_string
from policyengine.cel.operators import (
    BINARY,
    CONDITIONAL,
    LOGICAL,
    MEMBER,
    UNARY,
    UNARY_LEVEL,
    left_share,
)

_BY_FUNCTION = {
    function: (token, level) for token, (level, function) in {**LOGICAL, **BINARY}.items()
}
_UNARY = {function: token for token, function in UNARY.items()}
_PLAIN_FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_HIDDEN = re.compile(
    r"@(?:index(?P<index>[0-9]+)|(?P<kind>it|ac)(?P<depth>[0-9]+)_(?P<place>[0-9]+))"
)


def unparse(tree: Ast | Expr) -> str:
    """The text of a tree, with no more parentheses than it needs.

    >>> from policyengine.cel.parser import parse
    >>> unparse(parse("((a)+b*(c)) . d in ['x',]"))
    '(a + b * c).d in ["x"]'
    """
    return _at(tree.root if isinstance(tree, Ast) else tree, CONDITIONAL)


def _at(node: Expr, level: int) -> str:
    """The text of a node where the grammar wants at least this precedence."""
    text, own = _written(node)
    return text if own >= level else f"({text})"


def _written(node: Expr) -> tuple[str, int]:
    """The text of a node and its precedence."""
    match node:
        case Constant():
            return _constant(node), MEMBER
        case Ident():
            return _name(node.name), MEMBER
        case Select():
            return _select(node), MEMBER
        case Call():
            return _call(node)
        case ListExpr():
            parts = [
                "?" * (position in node.optional) + _at(element, CONDITIONAL)
                for position, element in enumerate(node.elements)
            ]
            return f"[{', '.join(parts)}]", MEMBER
        case MapExpr():
            parts = [
                f"{'?' * entry.optional}{_at(entry.key, CONDITIONAL)}: "
                f"{_at(entry.value, CONDITIONAL)}"
                for entry in node.entries
            ]
            return f"{{{', '.join(parts)}}}", MEMBER
        case Struct():
            parts = [
                f"{'?' * field.optional}{_field(field.name)}: {_at(field.value, CONDITIONAL)}"
                for field in node.fields
            ]
            return f"{node.type_name}{{{', '.join(parts)}}}", MEMBER
        case Comprehension():
            return _comprehension(node), MEMBER
        case Bind():
            return _bind(node), MEMBER
        case _:
            assert_never(node)


def _constant(node: Constant) -> str:
    match node.value:
        case None:
            return "null"
        case bool(value):
            return "true" if value else "false"
        case str(value):
            return write_string(value)
        case bytes(value):
            return write_bytes(value)
        case value:
            return f"{value!r}u" if node.kind == "uint" else repr(value)


def _field(name: str) -> str:
    return name if _PLAIN_FIELD.fullmatch(name) and name not in KEYWORDS else f"`{name}`"


def _name(name: str) -> str:
    """A name, or the macro that stands for one that no text can spell."""
    hidden = _HIDDEN.fullmatch(name)
    if hidden is None:
        return name
    if hidden["index"]:
        return f"cel.index({hidden['index']})"
    function = "iterVar" if hidden["kind"] == "it" else "accuVar"
    return f"cel.{function}({hidden['depth']}, {hidden['place']})"


def _operand(node: Expr) -> str:
    """The text of what a selection, a method or an index follows."""
    text = _at(node, MEMBER)
    return f"({text})" if text[0] == "-" else text


def _select(node: Select) -> str:
    text = f"{_operand(node.operand)}.{'?' * node.optional}{_field(node.field)}"
    return f"has({text})" if node.test else text


def _listed(nodes: tuple[Expr, ...]) -> str:
    return ", ".join([_at(node, CONDITIONAL) for node in nodes])


def _call(node: Call) -> tuple[str, int]:
    function = node.function
    if node.target is not None:
        return f"{_operand(node.target)}.{function}({_listed(node.args)})", MEMBER
    if function in _BY_FUNCTION:
        return _binary(node)
    if function in _UNARY:
        return _unary(node), UNARY_LEVEL
    if function == "_?_:_":
        question, chosen, otherwise = node.args
        # Only the last part may be a conditional itself.
        text = f"{_at(question, 1)} ? {_at(chosen, 1)} : {_at(otherwise, CONDITIONAL)}"
        return text, CONDITIONAL
    if function in ("_[_]", "_[?_]"):
        operand, index = node.args
        mark = "?" * (function == "_[?_]")
        return f"{_operand(operand)}[{mark}{_at(index, CONDITIONAL)}]", MEMBER
    return f"{function}({_listed(node.args)})", MEMBER


def _unary(node: Call) -> str:
    sign = _UNARY[node.function]
    (operand,) = node.args
    repeated = isinstance(operand, Call) and operand.function == node.function
    text = _at(operand, UNARY_LEVEL if repeated else MEMBER)
    # A minus in front of a number would become part of the number.
    if not repeated and (text[0] == "-" or (sign == "-" and text[0].isdigit())):
        text = f"({text})"
    return sign + text


def _binary(node: Call) -> tuple[str, int]:
    token, level = _BY_FUNCTION[node.function]
    if token in LOGICAL:
        terms = _chain(node)
        return f" {token} ".join([_at(term, level + 1) for term in terms]), level
    left, right = node.args
    return f"{_at(left, level)} {token} {_at(right, level + 1)}", level


def _chain(node: Call) -> tuple[Expr, ...]:
    """The terms that stand side by side in an `&&` or `||` chain.

    The parser makes a balanced tree of a chain; a tree of another shape was written with
    parentheses.
    """
    terms = _balanced_terms(node, node.function)
    return node.args if terms is None else tuple(terms)


def _balanced_terms(node: Expr, function: str) -> list[Expr] | None:
    if not isinstance(node, Call) or node.function != function:
        return [node]
    left = _balanced_terms(node.args[0], function)
    right = _balanced_terms(node.args[1], function)
    if left is None or right is None or left_share(len(left) + len(right)) != len(left):
        return None
    return left + right


_MACROS = {
    "transform_list": "transformList",
    "transform_map": "transformMap",
    "transform_map_entry": "transformMapEntry",
}


def _comprehension(node: Comprehension) -> str:
    function = _MACROS.get(node.kind, node.kind)
    if function == "exists_one" and len(node.variables) == 2:
        function = "existsOne"
    parts = [_name(name) for name in node.variables]
    parts += [_at(part, CONDITIONAL) for part in (node.condition, node.result) if part is not None]
    return f"{_operand(node.range)}.{function}({', '.join(parts)})"


def _bind(node: Bind) -> str:
    if node.name == f"{macros.BLOCK_INDEX}0":
        return _block(node)
    if node.name in (macros.OPTIONAL_MAP, macros.OPTIONAL_FLAT_MAP):
        return _optional_map(node)
    if node.name == macros.SORTED:
        return _sort_by(node)
    if node.name == macros.HISTORY:
        return _history(node)
    value, body = _at(node.value, CONDITIONAL), _at(node.body, CONDITIONAL)
    return f"cel.bind({_name(node.name)}, {value}, {body})"


def _block(node: Bind) -> str:
    values: list[str] = []
    body: Expr = node
    while isinstance(body, Bind) and body.name == f"{macros.BLOCK_INDEX}{len(values)}":
        values.append(_at(body.value, CONDITIONAL))
        body = body.body
    return f"cel.block([{', '.join(values)}], {_at(body, CONDITIONAL)})"


def _sort_by(node: Bind) -> str:
    assert isinstance(node.body, Call)
    (keys,) = node.body.args
    assert isinstance(keys, Comprehension)
    assert keys.result is not None
    key = _at(keys.result, CONDITIONAL)
    return f"{_operand(node.value)}.sortBy({_name(keys.variables[0])}, {key})"


def _history(node: Bind) -> str:
    """`history.count(...)` and its like, from the tree that `macros` makes of them."""
    assert isinstance(node.value, Call)
    body = node.body
    assert isinstance(body, Call)
    if body.function == "timestamp":
        (body,) = body.args
        assert isinstance(body, Call)
    found = body.args[1]
    assert isinstance(found, Select)
    return f"history.{found.field}({_listed(node.value.args)})"


def _optional_map(node: Bind) -> str:
    """`optMap` and `optFlatMap`, from the tree that `macros` makes of them."""
    assert isinstance(node.body, Call)
    mapped = node.body.args[1]
    function = "optFlatMap"
    if node.name == macros.OPTIONAL_MAP:
        function = "optMap"
        assert isinstance(mapped, Call)
        (mapped,) = mapped.args
    assert isinstance(mapped, Bind)
    body = _at(mapped.body, CONDITIONAL)
    return f"{_operand(node.value)}.{function}({_name(mapped.name)}, {body})"
