"""What macros become."""

from __future__ import annotations

import pytest

from policyengine.cel.ast import Bind, Call, Comprehension, Ident, Select, children
from policyengine.cel.macros import LIBRARIES, table
from policyengine.cel.parser import parse
from policyengine.cel.unparse import unparse
from policyengine.diagnostics import CompileError

ALL = [name for names in LIBRARIES.values() for name in names]


def part(node: object) -> str | None:
    return None if node is None else unparse(node)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "kind", "variables", "condition", "result"),
    [
        ("r.all(x, p)", "all", ("x",), "p", None),
        ("r.exists(x, p)", "exists", ("x",), "p", None),
        ("r.exists_one(x, p)", "exists_one", ("x",), "p", None),
        ("r.existsOne(x, p)", "exists_one", ("x",), "p", None),
        ("r.filter(x, p)", "filter", ("x",), "p", None),
        ("r.map(x, t)", "map", ("x",), None, "t"),
        ("r.map(x, p, t)", "map", ("x",), "p", "t"),
        ("r.all(i, v, p)", "all", ("i", "v"), "p", None),
        ("r.exists(i, v, p)", "exists", ("i", "v"), "p", None),
        ("r.exists_one(i, v, p)", "exists_one", ("i", "v"), "p", None),
        ("r.existsOne(i, v, p)", "exists_one", ("i", "v"), "p", None),
        ("r.transformList(i, v, t)", "transform_list", ("i", "v"), None, "t"),
        ("r.transformList(i, v, p, t)", "transform_list", ("i", "v"), "p", "t"),
        ("r.transformMap(k, v, t)", "transform_map", ("k", "v"), None, "t"),
        ("r.transformMapEntry(k, v, p, t)", "transform_map_entry", ("k", "v"), "p", "t"),
    ],
)
def test_comprehensions(
    text: str, kind: str, variables: tuple[str, ...], condition: str | None, result: str | None
) -> None:
    node = parse(text, macros=ALL).root
    assert isinstance(node, Comprehension)
    assert (node.kind, node.variables) == (kind, variables)
    assert (part(node.condition), part(node.result)) == (condition, result)
    assert unparse(node.range) == "r"
    assert (node.start, node.end, node.name_start) == (0, len(text), 2)


_TEMPLATES = {
    "has": "has(a.b)",
    "cel.block": "cel.block([a, b], c)",
    "cel.index": "cel.index(1)",
    "history.within": 'history.within("1m", {"name": p})',
    "proto.getExt": "proto.getExt(a, b.c.d)",
    "proto.hasExt": "proto.hasExt(a, b.c.d)",
}


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("inner", ["p", "q.exists(y, has(y.z))"])
def test_size_counts_the_nodes_of_an_expansion(name: str, inner: str) -> None:
    for (function, count), rows in table([name]).items():
        receiver = "r" if rows[0].receiver == "any" else rows[0].receiver
        numbers = name in ("cel.iterVar", "cel.accuVar")
        arguments = ["1", "2"] if numbers else [*"xkv"[: count - 1], inner]
        written = f"{receiver}.{function}({', '.join(arguments)})"
        tree = parse(f"[{_TEMPLATES.get(name, written)}, 1]", macros=[*ALL])
        waiting, size = [tree.root], 0
        while waiting:
            size += 1
            waiting += children(waiting.pop())
        assert tree.size == size


@pytest.mark.parametrize("field", ["count", "failed", "distinct", "sum", "cost_usd", "last"])
def test_sums_of_the_past_are_written_as_they_were(field: str) -> None:
    text = f'history.{field}({{"name": "a"}}) > 3'
    tree = parse(text, macros=ALL)
    assert unparse(tree) == text
    (bound,) = (n for n in children(tree.root) if isinstance(n, Bind))
    assert unparse(bound.value) == 'history({"name": "a"})'


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ('history.within("1m")', 'size(history({"within": "1m"})) > 0'),
        (
            'history.within("1m", {"kind": "a"})',
            'size(history({"kind": "a", "within": "1m"})) > 0',
        ),
    ],
)
def test_within_asks_whether_there_was_one(text: str, meant: str) -> None:
    assert unparse(parse(text, macros=ALL)) == meant


def test_within_needs_to_see_what_is_asked() -> None:
    with pytest.raises(CompileError, match="needs a map literal"):
        parse('history.within("1m", x)', macros=ALL)


def test_two_variables_are_an_extension() -> None:
    for text in ("r.all(i, v, p)", "r.transformList(i, v, t)", "cel.bind(x, 1, x)"):
        assert isinstance(parse(text).root, Call)


def test_has_is_a_selection() -> None:
    node = parse("has(a.b.c)").root
    assert isinstance(node, Select)
    assert (node.test, node.field, node.start, node.end, node.field_start) == (True, "c", 0, 10, 8)
    assert isinstance(node.operand, Select)
    assert not node.operand.test


def test_an_extension_field_is_a_selection_of_its_full_name() -> None:
    for text, test in (("proto.getExt(m, a.b.c)", False), ("proto.hasExt(m, a.b.c)", True)):
        node = parse(text, macros=ALL).root
        assert isinstance(node, Select)
        assert (node.field, node.test, part(node.operand)) == ("a.b.c", test, "m")
    for text in ("proto.getExt(m, 'a.b')", "proto.getExt(m, a)", "proto.hasExt(m, has(a.b))"):
        with pytest.raises(CompileError, match="bad-macro"):
            parse(text, macros=ALL)


def test_bind_needs_its_namespace() -> None:
    node = parse("cel.bind(x, 1 + 2, x * x)", macros=ALL).root
    assert isinstance(node, Bind)
    assert (node.name, unparse(node.value), unparse(node.body)) == ("x", "1 + 2", "x * x")
    assert isinstance(parse("bind(x, 1, x)", macros=ALL).root, Call)
    assert isinstance(parse("a.bind(x, 1, x)", macros=ALL).root, Call)


def test_optional_map_evaluates_its_receiver_once() -> None:
    node = parse("f(a).optMap(x, x + 1)", macros=ALL).root
    assert isinstance(node, Bind)
    assert unparse(node.value) == "f(a)"
    assert isinstance(node.body, Call)
    asked, mapped, none = node.body.args
    assert unparse(asked) == f"{node.name}.hasValue()"
    assert isinstance(mapped, Call)
    assert mapped.function == "optional.of"
    assert unparse(mapped.args[0]) == f"cel.bind(x, {node.name}.value(), x + 1)"
    assert unparse(none) == "optional.none()"


def test_blocks_are_nested_binds() -> None:
    node = parse("cel.block([a, cel.index(0)], cel.index(1))", macros=ALL).root
    assert isinstance(node, Bind)
    assert isinstance(node.body, Bind)
    assert isinstance(node.body.value, Ident)
    assert node.body.value.name == node.name
    assert isinstance(node.body.body, Ident)
    assert node.body.body.name == node.body.name


def test_sort_by_evaluates_its_receiver_once() -> None:
    node = parse("f(a).sortBy(x, x.size)", macros=ALL).root
    assert isinstance(node, Bind)
    assert unparse(node.value) == "f(a)"
    assert isinstance(node.body, Call)
    (keys,) = node.body.args
    assert isinstance(keys, Comprehension)
    assert (unparse(keys.range), keys.variables, part(keys.result)) == (node.name, ("x",), "x.size")
    assert isinstance(parse("a.sortBy(x)", macros=ALL).root, Call)


@pytest.mark.parametrize(
    ("arguments", "pairs"),
    [
        ("a", "math.greatest(a)"),
        ("a, b", "math.greatest(a, b)"),
        ("a, b, c", "math.greatest(math.greatest(a, b), c)"),
        ("a, b, c, d", "math.greatest(math.greatest(a, b), math.greatest(c, d))"),
    ],
)
def test_extremes_of_many_are_extremes_of_pairs(arguments: str, pairs: str) -> None:
    assert unparse(parse(f"math.greatest({arguments})", macros=ALL).root) == pairs
    assert unparse(parse(f"m.greatest({arguments})", macros=ALL).root) == f"m.greatest({arguments})"


def test_the_hidden_names_cannot_be_written() -> None:
    for text in ("@optMap", "a.all(@index0, true)", "@sorted", "a.@sortBy(a)"):
        with pytest.raises(CompileError):
            parse(text, macros=ALL)


@pytest.mark.parametrize(
    "text",
    ["has(1)", "has(a.b())", "a.all(.x, true)", "a.map(x.y, x)", "a.filter('x', true)"],
)
def test_wrong_arguments_are_pointed_at(text: str) -> None:
    with pytest.raises(CompileError) as refused:
        parse(text)
    (found,) = refused.value.diagnostics
    assert found.slug == "bad-macro"
    assert 1 < found.span.column < found.span.end_column <= len(text)


def test_an_unknown_macro_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        table(["has", "hass"])
