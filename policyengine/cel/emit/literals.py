"""List, map and message literals in the fast form."""

from __future__ import annotations

import ast

from policyengine.cel import ast as cel
from policyengine.cel import wellknown
from policyengine.cel.checked import TypeRef
from policyengine.cel.emit.module import call
from policyengine.cel.emit.reference import positions, tuple_of
from policyengine.cel.emit.value import Emitter, Unsuited, Value


def list_of(fast: Emitter, node: cel.ListExpr) -> Value:
    """`[a, ?b]`; a list of constants is made once."""
    values = [fast.emit(element) for element in node.elements]
    nodes: list[ast.expr] = [value.node for value in values]
    deep = all(value.deep for value in values)
    if node.optional:
        build = fast.module.runtime("lazy.build_list")
        return Value(call(build, tuple_of(nodes), positions(node.optional, fast.module)), deep)
    if all(isinstance(element, cel.Constant) for element in node.elements):
        # INVARIANT: values are never changed in place, so one list serves every call.
        key = ("list", *(ast.dump(each) for each in nodes))
        made = fast.module.constant(key, lambda: ast.List(elts=nodes, ctx=ast.Load()))
        return Value(made, True)
    return Value(ast.List(elts=nodes, ctx=ast.Load()), deep)


def map_of(fast: Emitter, node: cel.MapExpr) -> Value:
    """`{a: b, ?c: d}`; a plain dict where all keys are texts that differ."""
    optional = frozenset(i for i, entry in enumerate(node.entries) if entry.optional)
    keys = [fast.emit(entry.key) for entry in node.entries]
    values = [fast.emit(entry.value) for entry in node.entries]
    deep = all(value.deep for value in (*keys, *values))
    texts = {
        entry.key.value
        for entry in node.entries
        if isinstance(entry.key, cel.Constant) and entry.key.kind == "string"
    }
    if len(texts) == len(node.entries) and not optional:
        made = ast.Dict(keys=[key.node for key in keys], values=[v.node for v in values])
        return Value(made, deep)
    pairs = tuple_of([tuple_of([k.node, v.node]) for k, v in zip(keys, values, strict=True)])
    if optional:
        build = fast.module.runtime("lazy.build_map")
        return Value(call(build, pairs, positions(optional, fast.module)), deep)
    return Value(call(fast.module.runtime("maps.make_map"), pairs), deep)


def message(fast: Emitter, node: cel.Struct) -> Value:
    """`Type{field: value}` of a type that has literals."""
    reference = fast.checked.references[node.id]
    optional = any(field.optional for field in node.fields)
    names = [field.name for field in node.fields]
    if optional or len(set(names)) < len(names) or not isinstance(reference, TypeRef):
        raise Unsuited
    if reference.make is None and reference.name not in wellknown.LITERALS:
        raise Unsuited
    values = [fast.emit(field.value).node for field in node.fields]
    fields = ast.Dict(keys=[ast.Constant(value=name) for name in names], values=values)
    if reference.make is not None:
        return Value(call(fast.module.runtime(reference.make), fields), True)
    name = ast.Constant(value=reference.name)
    return Value(call(fast.module.runtime("wellknown.message"), name, fields), False)
