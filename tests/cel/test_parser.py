"""The tree that the parser makes, and the texts it must survive."""

from __future__ import annotations

import pytest

from policyengine.cel.ast import Ast, Call, Comprehension, Constant, Expr, Ident, Select, children
from policyengine.cel.parser import Limits, parse
from policyengine.cel.unparse import unparse
from policyengine.diagnostics import CompileError
from policyengine.source import Anchor, Text


def nodes(node: Expr) -> list[Expr]:
    found: list[Expr] = []
    waiting = [node]
    while waiting:
        found.append(waiting.pop())
        waiting.extend(children(found[-1]))
    return found


def depth(node: Expr) -> int:
    return 1 + max(map(depth, children(node)), default=0)


def spelled(node: Expr) -> str:
    """A tree with every operator's grouping visible."""
    match node:
        case Ident():
            return node.name
        case Constant():
            return repr(node.value)
        case Select():
            return f"{spelled(node.operand)}.{node.field}"
        case Call():
            return f"({node.function} {' '.join(map(spelled, node.args))})"
    return type(node).__name__


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a + b * c", "(_+_ a (_*_ b c))"),
        ("a * b + c", "(_+_ (_*_ a b) c)"),
        ("a - b - c", "(_-_ (_-_ a b) c)"),
        ("a - (b - c)", "(_-_ a (_-_ b c))"),
        ("a < b == c", "(_==_ (_<_ a b) c)"),
        ("a in b && c", "(_&&_ (@in a b) c)"),
        ("a || b && c", "(_||_ a (_&&_ b c))"),
        ("a && b || c && d", "(_||_ (_&&_ a b) (_&&_ c d))"),
        ("a || b || c || d", "(_||_ (_||_ a b) (_||_ c d))"),
        ("a || b || c", "(_||_ (_||_ a b) c)"),
        ("a || (b || c)", "(_||_ a (_||_ b c))"),
        ("a ? b : c ? d : e", "(_?_:_ a b (_?_:_ c d e))"),
        ("a ? (b ? c : d) : e", "(_?_:_ a (_?_:_ b c d) e)"),
        ("a || b ? c || d : e || f", "(_?_:_ (_||_ a b) (_||_ c d) (_||_ e f))"),
        ("!!a.b", "(!_ (!_ a.b))"),
        ("--a", "(-_ (-_ a))"),
        ("-1", "-1"),
        ("--1", "(-_ -1)"),
        ("-(1)", "(-_ 1)"),
        ("a -1", "(_-_ a 1)"),
        ("a - -1", "(_-_ a -1)"),
        ("-5u", "(-_ 5)"),
        ("-1.5.x", "-1.5.x"),
        ("!a == b", "(_==_ (!_ a) b)"),
        (".a.b", ".a.b"),
        ("a[b][?c]", "(_[?_] (_[_] a b) c)"),
        ("a.b\n//c\n.d", "a.b.d"),
    ],
)
def test_grouping(text: str, tree: str) -> None:
    assert spelled(parse(text).root) == tree


@pytest.mark.parametrize(
    ("text", "part", "start", "name_start"),
    [
        ("x && (a + b) * c", "(a + b) * c", 5, 13),
        ("x && (a + b) * c", "x && (a + b) * c", 0, 2),
        ("( f ( x ) )", "f ( x )", 2, 2),
        ("a.b.g(1)", "a.b.g(1)", 0, 4),
        ("x ? y : z", "x ? y : z", 0, 2),
        ("!!x", "!!x", 0, 0),
        ("a [ 1 ]", "a [ 1 ]", 0, 2),
    ],
)
def test_places(text: str, part: str, start: int, name_start: int) -> None:
    calls = [node for node in nodes(parse(text).root) if isinstance(node, Call)]
    places = {(text[n.start : n.end], n.start, n.name_start) for n in calls}
    assert (part, start, name_start) in places


def test_positions_are_those_of_the_file() -> None:
    text = Text("a &&\nb.c", "p.yaml", (Anchor(0, 3, 7), Anchor(5, 4, 9)))
    tree = parse(text)
    fields = [node for node in nodes(tree.root) if isinstance(node, Select)]
    assert str(tree.span(fields[0])) == "p.yaml:4:9"
    with pytest.raises(CompileError) as refused:
        parse(Text("a &&\nb.", "p.yaml", (Anchor(0, 3, 7), Anchor(5, 4, 9))))
    assert str(refused.value.diagnostics[0].span) == "p.yaml:4:11"


@pytest.mark.parametrize(
    "text",
    [
        "a",
        "a.b{c: 1}.d",
        "{1: 2, 'a': [b, c]}",
        "[{?1: has(a.b)}]",
        "x.all(y, has(y.z))",
        "x.map(y, y > 1, {y: x.exists(z, z == y)})",
    ],
)
def test_ids_are_unique_and_size_counts_the_nodes(text: str) -> None:
    tree = parse(text)
    found = nodes(tree.root)
    assert len({node.id for node in found}) == len(found) == tree.size


@pytest.mark.parametrize("operator", ["&&", "||"])
def test_logical_chains_are_balanced(operator: str) -> None:
    tree = parse(f" {operator} ".join(f"a{i}" for i in range(5_000)))
    assert depth(tree.root) == 14
    names = [node.name for node in nodes(tree.root) if isinstance(node, Ident)]
    assert len(names) == 5_000
    assert unparse(tree).split(f" {operator} ") == [f"a{i}" for i in range(5_000)]


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("+".join("a" * 5_000), "expression-too-deep"),
        (" == ".join("a" * 5_000), "expression-too-deep"),
        ("a" + ".b" * 5_000, "expression-too-deep"),
        ("a" + ".b()" * 5_000, "expression-too-deep"),
        ("a" + "[0]" * 5_000, "expression-too-deep"),
        ("a ? b : " * 5_000 + "c", "expression-too-deep"),
        ("a ? " * 5_000 + "b" + " : c" * 5_000, "syntax"),
        ("!" * 50_000 + "a", "expression-too-deep"),
        ("-" * 50_000 + "a", "expression-too-deep"),
        ("-" * 50_000 + "1", "expression-too-deep"),
        ("(" * 50_000 + "a" + ")" * 49_000, "expression-too-deep"),
        ("[" * 50_000 + "]" * 49_000, "expression-too-deep"),
        ("{" * 50_000, "expression-too-deep"),
        ("{1:" * 30_000, "expression-too-deep"),
        ("a{b:" * 20_000, "expression-too-deep"),
        ("f(" * 50_000, "expression-too-deep"),
        ("a[" * 50_000, "expression-too-deep"),
        ("a.all(b," * 10_000, "expression-too-deep"),
        ("not " * 25_000, "syntax"),
        ("a" * 100_001, "expression-too-long"),
        ("'" * 99_999, "syntax"),
        ('"""' + '\\"""' * 24_000, "bad-literal"),
        ("1" * 100_000, "bad-literal"),
        ("0." + "1" * 99_000 + "e", "bad-literal"),
        ("/" * 100_000, "syntax"),
        ("`" * 100_000, "syntax"),
        ("", "syntax"),
        ("\x00", "syntax"),
        ("a\u00a0== b", "syntax"),
        ("\ud800", "syntax"),
        ("'\ud800'", "bad-literal"),
        ("b'\udfff'", "bad-literal"),
    ],
    ids=lambda value: value[:12].encode("unicode_escape").decode(),
)
def test_hostile_texts_are_refused(text: str, slug: str) -> None:
    with pytest.raises(CompileError) as refused:
        parse(text)
    assert slug in {d.slug for d in refused.value.diagnostics}
    assert max(len(d.message) for d in refused.value.diagnostics) < 200


def test_every_nesting_up_to_the_limit_is_accepted() -> None:
    limits = Limits()
    inner = limits.nesting - 1
    for opening, closing in (("(", ")"), ("[", "]"), ("f(", ")"), ("a[", "]"), ("{1: ", "}")):
        assert isinstance(parse(opening * inner + "a" + closing * inner), Ast)
        with pytest.raises(CompileError):
            parse(opening * (inner + 1) + "a" + closing * (inner + 1))


def test_the_depth_limit_is_exact() -> None:
    limits = Limits(depth=40)
    assert depth(parse("+".join("a" * 40), limits=limits).root) == 40
    with pytest.raises(CompileError):
        parse("+".join("a" * 41), limits=limits)


def test_long_lists_are_accepted() -> None:
    tree = parse("[" + ",".join("1" * 49_000) + "]")
    assert tree.size == 49_001


def test_unspellable_expansions_count_for_the_depth() -> None:
    text = "a" + ".optMap(b, b)" * 30
    macros = ("optMap",)
    assert depth(parse(text, macros=macros).root) <= Limits().depth
    with pytest.raises(CompileError) as refused:
        parse("a" + ".optMap(b, b)" * 200, macros=macros)
    assert refused.value.diagnostics[0].slug == "expression-too-deep"


def test_without_macros_a_comprehension_is_a_call() -> None:
    assert isinstance(parse("a.all(b, c)", macros=()).root, Call)
    assert isinstance(parse("a.all(b, c)").root, Comprehension)
    with pytest.raises(KeyError):
        parse("a", macros=["al"])
