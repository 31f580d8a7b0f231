"""Writing a tree and reading it again gives the same tree."""

from __future__ import annotations

from dataclasses import fields, is_dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policyengine.cel.ast import (
    Bind,
    Call,
    Comprehension,
    Constant,
    Entry,
    Expr,
    Field,
    Ident,
    ListExpr,
    MapExpr,
    Select,
    Struct,
)
from policyengine.cel.macros import LIBRARIES
from policyengine.cel.operators import BINARY, LOGICAL
from policyengine.cel.parser import parse
from policyengine.cel.unparse import unparse

MACROS = [name for names in LIBRARIES.values() for name in names]
PLACES = {"id", "start", "end", "name_start", "field_start"}


def bare(part: object) -> object:
    """A tree without ids and places; values with their class, so that `1` is not `1.0`."""
    if isinstance(part, tuple):
        return tuple(map(bare, part))
    if is_dataclass(part):
        kept = [getattr(part, f.name) for f in fields(part) if f.name not in PLACES]
        return (type(part).__name__, *map(bare, kept))
    return (type(part).__name__, repr(part))


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("((a))+(b*c)", "a + b * c"),
        ("(a+b)*c", "(a + b) * c"),
        ("a-(b-c)", "a - (b - c)"),
        ("(a-b)-c", "a - b - c"),
        ("(a&&b)&&(c&&d)", "a && b && c && d"),
        ("a&&(b&&c)", "a && (b && c)"),
        ("(a||b)&&c", "(a || b) && c"),
        ("a||(b&&c)", "a || b && c"),
        ("!(a)", "!a"),
        ("!(a&&b)", "!(a && b)"),
        ("-(1)", "-(1)"),
        ("-(-1)", "-(-1)"),
        ("- -a", "--a"),
        ("!(-a)", "!(-a)"),
        ("(-1).a", "(-1).a"),
        ("(a?b:c)?d:e", "(a ? b : c) ? d : e"),
        ("a?(b):(c?d:e)", "a ? b : c ? d : e"),
        ("(a==b)==c", "a == b == c"),
        ("a==(b==c)", "a == (b == c)"),
        ("[a,?b,]", "[a, ?b]"),
        ("{'k':1,?2:b}", '{"k": 1, ?2: b}'),
        (".p.T{f:1,?`g h`:2}", ".p.T{f: 1, ?`g h`: 2}"),
        ("a.`in`.`b`.as", "a.`in`.b.as"),
        ("has(a.b)&&!has(a.?b.c)", "has(a.b) && !has(a.?b.c)"),
        ("x.map(y,z,w).existsOne(v,v)", "x.map(y, z, w).exists_one(v, v)"),
        ("x.existsOne(i,v,v)", "x.existsOne(i, v, v)"),
        ("x.transformMap(k,v,k!=v,v)", "x.transformMap(k, v, k != v, v)"),
        ("cel.bind(a,b+1,a*a)", "cel.bind(a, b + 1, a * a)"),
        ("x.optMap(a,y.optFlatMap(b,a+b))", "x.optMap(a, y.optFlatMap(b, a + b))"),
        ("cel.block([a,cel.index(0)],cel.index(1))", "cel.block([a, cel.index(0)], cel.index(1))"),
        ("a.all(cel.iterVar(0,1),true)", "a.all(cel.iterVar(0, 1), true)"),
        ("cel.accuVar(2,1)", "cel.accuVar(2, 1)"),
        ("(a?b:c).sortBy(x,-x)", "(a ? b : c).sortBy(x, -x)"),
        ("a.sortBy(x,x.sortBy(y,z))", "a.sortBy(x, x.sortBy(y, z))"),
        ("math.least(a,b,c)", "math.least(math.least(a, b), c)"),
        ("a.f(b)[c][?d].g()", "a.f(b)[c][?d].g()"),
        ("r'\\d' + b'\\xff' + 1.0 + 5u + 0x10", '"\\\\d" + b"\\xff" + 1.0 + 5u + 16'),
    ],
)
def test_canonical_text(text: str, canonical: str) -> None:
    tree = parse(text, macros=MACROS)
    assert unparse(tree) == canonical
    assert bare(parse(canonical, macros=MACROS).root) == bare(tree.root)


names = st.sampled_from(["a", "b", "x1", "_y", "not", "and"])
selectors = st.sampled_from(["a", "in", "as", "b-c", "x y", "e3", "all"])
functions = st.sampled_from(["f", "size", "g"])


def numbers(kind: str, values: st.SearchStrategy[object]) -> st.SearchStrategy[Expr]:
    return values.map(lambda value: Constant(0, 0, 0, kind, value))  # type: ignore[arg-type]


leaves: st.SearchStrategy[Expr] = st.one_of(
    names.map(lambda name: Ident(0, 0, 0, name)),
    names.map(lambda name: Ident(0, 0, 0, "." + name)),
    numbers("int", st.integers(-(2**63), 2**63 - 1)),
    numbers("uint", st.integers(0, 2**64 - 1)),
    numbers("double", st.floats(allow_nan=False, allow_infinity=False)),
    numbers("string", st.text(st.characters(exclude_categories=["Cs"]), max_size=5)),
    numbers("bytes", st.binary(max_size=5)),
    numbers("bool", st.booleans()),
    numbers("null", st.none()),
)


def call(function: str, *args: Expr, target: Expr | None = None) -> Call:
    return Call(0, 0, 0, function, target, args, 0)


def some(inner: st.SearchStrategy[Expr]) -> st.SearchStrategy[tuple[Expr, ...]]:
    return st.lists(inner, max_size=3).map(tuple)


@st.composite
def lists(draw: st.DrawFn, inner: st.SearchStrategy[Expr]) -> Expr:
    elements = draw(some(inner))
    optional = draw(st.sets(st.integers(0, len(elements) - 1))) if elements else set()
    return ListExpr(0, 0, 0, elements, frozenset(optional))


def comprehensions(inner: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
    one = st.sampled_from([("x",), ("_v",)])
    two = st.just(("i", "v"))
    tests = st.sampled_from(["all", "exists", "exists_one"])
    maps = st.sampled_from(["transform_list", "transform_map", "transform_map_entry"])
    none = st.none()

    def made(kind, variables, condition, result):  # type: ignore[no-untyped-def]
        return st.builds(
            lambda k, r, v, c, t: Comprehension(0, 0, 0, k, r, v, c, t, 0),
            kind, inner, variables, condition, result,
        )  # fmt: skip

    return st.one_of(
        made(tests, st.one_of(one, two), inner, none),
        made(st.just("filter"), one, inner, none),
        made(st.just("map"), one, st.one_of(none, inner), inner),
        made(maps, two, st.one_of(none, inner), inner),
    )


def larger(inner: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
    binary = st.sampled_from([*(function for _, function in BINARY.values()), "_[_]", "_[?_]"])
    pairs = st.builds(lambda k, v, o: Entry(0, k, v, o), inner, inner, st.booleans())
    inits = st.builds(lambda n, v, o: Field(0, 0, n, v, o), selectors, inner, st.booleans())
    return st.one_of(
        st.builds(call, binary, inner, inner),
        st.builds(call, st.sampled_from(["_&&_", "_||_"]), inner, inner),
        st.builds(call, st.sampled_from(["!_", "-_"]), inner),
        st.builds(call, st.just("_?_:_"), inner, inner, inner),
        st.builds(lambda f, a: call(f, *a), functions, some(inner)),
        st.builds(lambda f, t, a: call(f, *a, target=t), functions, inner, some(inner)),
        st.builds(lambda o, f, k: Select(0, 0, 0, o, f, 0, k), inner, selectors, st.booleans()),
        st.builds(lambda o, f: Select(0, 0, 0, o, f, 0, False, True), inner, selectors),
        lists(inner),
        st.builds(lambda p: MapExpr(0, 0, 0, tuple(p)), st.lists(pairs, max_size=3)),
        st.builds(
            lambda n, i: Struct(0, 0, 0, n, tuple(i)),
            st.sampled_from(["T", "a.B", ".as.T"]),
            st.lists(inits, max_size=3),
        ),
        comprehensions(inner),
        st.builds(lambda n, v, b: Bind(0, 0, 0, n, v, b), names, inner, inner),
    )


trees = st.recursive(leaves, larger, max_leaves=20)


@given(trees)
def test_any_tree_survives(tree: Expr) -> None:
    text = unparse(tree)
    again = parse(text, macros=MACROS)
    assert bare(again.root) == bare(tree)
    assert unparse(again) == text


def operators(inner: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
    functions = [*LOGICAL.values(), *BINARY.values()]
    return st.one_of(
        st.builds(call, st.sampled_from([function for _, function in functions]), inner, inner),
        st.builds(call, st.sampled_from(["_+_", "_-_", "_*_", "_&&_", "_||_"]), inner, inner),
        st.builds(call, st.sampled_from(["!_", "-_"]), inner),
        st.builds(call, st.just("_?_:_"), inner, inner, inner),
        st.builds(lambda o: Select(0, 0, 0, o, "f", 0), inner),
    )


operands: st.SearchStrategy[Expr] = st.one_of(
    names.map(lambda name: Ident(0, 0, 0, name)),
    numbers("int", st.sampled_from([1, -1])),
    numbers("uint", st.just(2)),
    numbers("double", st.sampled_from([0.5, -1e100])),
)


@settings(max_examples=300)
@given(st.recursive(operands, operators, max_leaves=8))
def test_any_grouping_of_operators_survives(tree: Expr) -> None:
    assert bare(parse(unparse(tree)).root) == bare(tree)


@given(st.integers(1, 40), st.sampled_from(["&&", "||", "+", "=="]))
def test_chains_need_no_parentheses(count: int, operator: str) -> None:
    text = f" {operator} ".join("a" * count)
    assert unparse(parse(text)) == text
