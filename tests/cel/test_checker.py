"""The checker: its tables, its promise about them, and hostile input."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from strategies import DECLARATIONS, MACROS, bindings, expressions

from policyengine.cel import types as t
from policyengine.cel.ast import Bind, Call, Comprehension, Expr, Ident, Select, children
from policyengine.cel.checked import (
    CheckedExpression,
    Declarations,
    FunctionRef,
    LocalRef,
    TypeRef,
    VariableRef,
)
from policyengine.cel.checker import check
from policyengine.cel.functions import Function, Overload, table
from policyengine.cel.functions.standard import LIBRARY
from policyengine.cel.interpret import Outcome, evaluate
from policyengine.cel.parser import parse
from policyengine.cel.unify import parts
from policyengine.diagnostics import CompileError, Diagnostic
from policyengine.errors import EvaluationError
from policyengine.source import Anchor, Text
from policyengine.values.kinds import UInt
from policyengine.values.times import Duration, Timestamp

K, V = t.TypeParam("K"), t.TypeParam("V")
EXTRA = (
    Function("optional.of", (Overload("optional_of", (V,), t.OptionalType(V)),), "optionals.of"),
    Function(
        "orValue",
        (Overload("or_value", (t.OptionalType(V), V), V, receiver=True),),
        "optionals.or_value",
    ),
    Function("pair", (Overload("pair", (K, V), t.AbstractType("pair", (K, V))),), "none.pair"),
    Function(
        "net.parse", (Overload("parse", (t.STRING,), t.AbstractType("net.IP")),), "none.parse"
    ),
)
FUNCTIONS = table([*LIBRARY.functions, *EXTRA])


def checked(
    text: str | Text, expected: t.Type | None = None, container: str = "", **variables: t.Type
) -> CheckedExpression:
    named = {name.replace("__", "."): type_ for name, type_ in variables.items()}
    ast = parse(text, macros=MACROS)
    return check(ast, Declarations(named, FUNCTIONS, container=container), expected)


def refused(text: str | Text, expected: t.Type | None = None, **variables: t.Type) -> Diagnostic:
    with pytest.raises(CompileError) as caught:
        checked(text, expected, **variables)
    (diagnostic,) = caught.value.diagnostics
    return diagnostic


def nodes(root: Expr) -> list[Expr]:
    found = [root]
    for node in found:
        found.extend(children(node))
    return found


def test_a_name_refers_to_the_variable_by_its_full_name() -> None:
    result = checked("y", container="com.example", com__example__y=t.BOOL, y=t.STRING)
    assert result.references == {result.ast.root.id: VariableRef("com.example.y")}
    assert result.type == t.BOOL


def test_a_dotted_variable_is_one_reference_on_the_whole_chain() -> None:
    result = checked("a.b.c", a__b=t.MapType(t.STRING, t.INT), a=t.STRING)
    root = result.ast.root
    assert isinstance(root, Select)
    assert result.references == {root.operand.id: VariableRef("a.b")}
    assert result.type == t.INT


def test_a_types_name_takes_no_field_from_a_variable() -> None:
    inner = t.ObjectType("a.b", {})
    outer = t.ObjectType("outer", {"b": t.FieldType(t.INT)})
    ast = parse("a.b")
    variable = check(ast, Declarations({"a": outer}, FUNCTIONS, {"a.b": inner}))
    assert variable.type == t.INT
    alone = check(ast, Declarations({}, FUNCTIONS, {"a.b": inner}))
    assert alone.references == {ast.root.id: TypeRef("a.b")}
    assert alone.type == t.TypeType(inner)


def test_an_opaque_type_of_a_function_is_a_name() -> None:
    assert checked("type(net.parse('::')) == net.IP").type == t.BOOL
    assert checked("type(optional.of(1)) == optional_type").type == t.BOOL


def test_locals_shadow_and_say_whose_they_are() -> None:
    result = checked("[[1]].map(x, x.map(x, x + n))", n=t.INT, x=t.STRING)
    outer = result.ast.root
    assert isinstance(outer, Comprehension)
    inner = outer.result
    assert isinstance(inner, Comprehension)
    named = [node for node in nodes(outer) if isinstance(node, Ident)]
    assert {node.name: result.references[node.id] for node in named if node.name == "n"} == {
        "n": VariableRef("n")
    }
    assert result.references[inner.range.id] == LocalRef(outer.id, 0)
    locals_ = {result.references[node.id] for node in named if node.name == "x"}
    assert locals_ == {LocalRef(outer.id, 0), LocalRef(inner.id, 0)}


def test_the_second_variable_and_a_binding_have_their_index() -> None:
    result = checked("{'a': 1}.exists(k, v, cel.bind(w, v, w == 1))")
    root = result.ast.root
    assert isinstance(root, Comprehension)
    bind = root.condition
    assert isinstance(bind, Bind)
    assert result.references[bind.value.id] == LocalRef(root.id, 1)
    assert LocalRef(bind.id, 0) in result.references.values()


def test_a_namespaced_call_has_no_target_to_evaluate() -> None:
    result = checked("optional.of(1)")
    root = result.ast.root
    assert isinstance(root, Call)
    reference = result.references[root.id]
    assert isinstance(reference, FunctionRef)
    assert (reference.function.name, reference.namespaced) == ("optional.of", True)
    assert root.target is not None
    assert root.target.id not in result.types
    assert checked("of(1)", container="optional").type == t.OptionalType(t.INT)


def test_a_variable_is_not_taken_for_a_namespace() -> None:
    found = refused("optional.off(1)", optional=t.STRING)
    assert found.message == "there is no function `off`"


def test_a_local_is_not_taken_for_a_namespace() -> None:
    found = refused("[1].map(optional, optional.of(1))")
    assert found.message == "there is no function `of`"


def test_a_misspelt_function_of_a_namespace() -> None:
    found = refused("optional.off(1)")
    assert (found.slug, found.message) == (
        "unknown-function", "there is no function `optional.off`"
    )  # fmt: skip
    assert found.note == "did you mean `optional.of`?"


@pytest.mark.parametrize("text", ["xs[0]", "(true ? xs : xs)[0]", "pair(xs[0], 1)", "xs + xs"])
def test_two_objects_of_one_name_are_not_taken_for_each_other(text: str) -> None:
    """Calls already resolved are kept, and such types are equal."""
    for field in (t.INT, t.STRING):
        own = t.ObjectType("own", {"a": t.FieldType(field)})
        result = checked(f"[{text}]", xs=t.ListType(own)).type
        while not isinstance(result, t.ObjectType):
            result = parts(result)[0]
        assert result.fields["a"].type == field


def test_dyn_leaves_overloads_open() -> None:
    result = checked("x + y", x=t.DYN, y=t.INT)
    reference = result.references[result.ast.root.id]
    assert isinstance(reference, FunctionRef)
    assert [overload.id for overload in reference.overloads] == ["add_int64"]
    both = checked("x + x", x=t.DYN)
    assert both.type == t.DYN


@pytest.mark.parametrize(
    ("text", "type_"),
    [
        ("dyn(optional.of('a')).orValue(1)", t.DYN),
        ("optional.of(dyn('a')).orValue(1)", t.DYN),
        ("true ? 1 : dyn('a')", t.DYN),
        ("true ? [1] : dyn(['a'])", t.DYN),
        ("[1] + dyn(['a'])", t.ListType(t.DYN)),
        ("dyn(['a']) + [1]", t.ListType(t.DYN)),
        ("dyn([1])[0]", t.DYN),
        ("[pair(1, dyn(2)), pair(dyn(1), 2)]",
         t.ListType(t.AbstractType("pair", (t.DYN, t.DYN)))),
        ("cel.bind(x, [], x == [1] && x == dyn(['a']) ? x : x)", t.ListType(t.DYN)),
    ],
)  # fmt: skip
def test_no_type_is_claimed_for_what_came_through_dyn(text: str, type_: t.Type) -> None:
    result = checked(text)
    assert (result.type, result.types[result.ast.root.id]) == (type_, type_)


@pytest.mark.parametrize(
    ("text", "deduced", "claimed"),
    [
        ("[at, null]", t.ListType(t.TIMESTAMP), t.ListType(t.DYN)),
        ("{1: null, 2: at}", t.MapType(t.INT, t.TIMESTAMP), t.MapType(t.INT, t.DYN)),
        ("true ? null : at", t.TIMESTAMP, t.DYN),
        ("optional.of(null).orValue(at)", t.TIMESTAMP, t.DYN),
        ("[null] + [at]", t.ListType(t.TIMESTAMP), t.ListType(t.DYN)),
        ("[word, null]", t.ListType(t.DYN), t.ListType(t.DYN)),
        # A comparison gives nothing away: its operands keep their types.
        ("at == null", t.BOOL, t.BOOL),
        ("[at]", t.ListType(t.TIMESTAMP), t.ListType(t.TIMESTAMP)),
    ],
)
def test_null_takes_the_claim_away(text: str, deduced: t.Type, claimed: t.Type) -> None:
    result = checked(text, at=t.TIMESTAMP, word=t.STRING)
    assert (result.type, result.types[result.ast.root.id]) == (deduced, claimed)


def test_a_comparison_with_null_keeps_the_operands_type() -> None:
    result = checked("at == null", at=t.TIMESTAMP)
    assert t.TIMESTAMP in result.types.values()


@pytest.mark.parametrize("text", ["true", "x", "x.y", "dyn(1)", "true ? x : 1", "w"])
def test_a_condition_may_be_bool_or_unknown(text: str) -> None:
    checked(text, t.BOOL, x=t.DYN, w=t.WrapperType(t.BOOL))


@pytest.mark.parametrize(
    ("text", "given_type"), [("1", "int"), ("null", "null_type"), ("[x]", "list(dyn)")]
)
def test_a_condition_of_another_type_is_refused(text: str, given_type: str) -> None:
    found = refused(text, t.BOOL, x=t.DYN)
    assert found.slug == "condition-not-bool"
    assert found.message == f"a condition must be `bool`, this is `{given_type}`"
    assert (found.span.column, found.span.end_column) == (1, len(text) + 1)


def test_a_broken_condition_is_not_also_called_no_condition() -> None:
    assert refused("nothing", t.BOOL).slug == "undeclared-reference"


def test_another_expected_type() -> None:
    found = refused("'a'", t.INT)
    assert found.message == "the expression must be `int`, this is `string`"
    assert checked("[]", t.ListType(t.INT)).type == t.ListType(t.INT)


def test_a_mistake_stands_at_its_place_in_the_file() -> None:
    text = Text("ok &&\nrequst", "policies/a.yaml", (Anchor(0, 14, 11), Anchor(6, 15, 9)))
    assert str(refused(text, ok=t.BOOL).span) == "policies/a.yaml:15:9"


def test_all_mistakes_are_reported_in_order() -> None:
    with pytest.raises(CompileError) as caught:
        checked("c + b + a + 1")
    found = [d.message for d in caught.value.diagnostics]
    assert found == ["`c` is not declared", "`b` is not declared", "`a` is not declared"]


def test_a_long_snippet_is_not_quoted() -> None:
    text = "contains(" + "x" * 50 + ", 'a')"
    found = refused(text, **{"x" * 50: t.STRING})
    assert found.note == ""
    assert "`string.contains(string)`" in found.help


def test_many_mistakes_are_found_quickly_and_all() -> None:
    names = ", ".join(f"name{n}" for n in range(3000))
    many = {f"variable_with_a_long_name_{n}": t.INT for n in range(1000)}
    with pytest.raises(CompileError) as caught:
        checked(f"[{names}]", **many)
    assert len(caught.value.diagnostics) == 3000


@pytest.mark.parametrize(
    "text",
    [
        "[1]" + ".map(x, [[[[x]]]])" * 30,
        "[[]]" + ".map(x, [[[[x]]]])" * 30,
        "[1]" + ".map(x, pair(x, x))" * 30,
        "[]" + ".map(x, pair(x, x))" * 30,
        "[optional.of(1)]" + ".map(x, optional.of(optional.of(x)))" * 40,
    ],
)
def test_a_type_that_grows_without_end_is_refused(text: str) -> None:
    assert refused(text).slug == "type-too-large"


def test_a_chain_of_unknown_types_stays_small() -> None:
    links = 60
    text = "x0 == x0"
    for n in reversed(range(links)):
        text = f"cel.bind(x{n}, [], {text})"
    binds = " && ".join(f"x{n} == [x{n + 1}]" for n in reversed(range(links - 1)))
    result = checked(text.replace("x0 == x0", binds))
    assert result.type == t.BOOL
    assert all(len(str(type_)) < 2000 for type_ in result.types.values())


def test_a_variable_within_itself_has_no_type() -> None:
    assert refused("cel.bind(x, [], x == [x])").slug == "no-matching-overload"
    assert checked("cel.bind(x, [], [x, [x]])").type == t.ListType(t.DYN)


def test_deep_and_long_expressions() -> None:
    deep = "[" * 60 + "1" + "]" * 60
    assert str(checked(deep).type).startswith("list(list(")
    assert checked(" && ".join(["x"] * 5000), x=t.BOOL).type == t.BOOL
    assert checked("x" + ".y" * 100, x=t.DYN).type == t.DYN
    assert checked("+".join(["x"] * 100), x=t.DYN).type == t.DYN


def test_checking_leaves_no_trace_in_the_next_check() -> None:
    first = checked("[[]] + [[1]]")
    second = checked("[[]] + [['a']]")
    assert (str(first.type), str(second.type)) == ("list(list(int))", "list(list(string))")


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(expressions())
def test_a_well_typed_expression_gets_its_type(drawn: tuple[str, t.Type]) -> None:
    text, type_ = drawn
    result = check(parse(text, macros=MACROS), DECLARATIONS, type_)
    assert result.type == type_
    assert not any(map(_open, result.types.values()))


def _open(type_: t.Type) -> bool:
    parts = [getattr(type_, name, None) for name in ("element", "key", "value")]
    return isinstance(type_, t.TypeParam) or any(_open(part) for part in parts if part)


def holds(value: Any, type_: t.Type) -> bool:
    """Whether a value is of a type, looked at without the code under test."""
    match type_:
        case t.Primitive(name="dyn"):
            return True
        case t.Primitive():
            return type(value) is _CLASSES[type_]
        case t.ListType():
            return isinstance(value, list | tuple) and all(
                holds(part, type_.element) for part in value
            )
        case t.MapType():
            return isinstance(value, dict) and all(
                holds(key, type_.key) and holds(part, type_.value) for key, part in value.items()
            )
        case t.ObjectType():
            return isinstance(value, dict)
        case t.TypeType():
            return type(value).__name__ == "TypeValue"
    raise AssertionError(type_)


_CLASSES = {
    t.INT: int,
    t.UINT: UInt,
    t.DOUBLE: float,
    t.BOOL: bool,
    t.STRING: str,
    t.BYTES: bytes,
    t.NULL: type(None),
    t.TIMESTAMP: Timestamp,
    t.DURATION: Duration,
}


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_what_is_claimed_is_true_of_every_value(data: st.DataObject) -> None:
    text, _ = data.draw(expressions())
    result = check(parse(text, macros=MACROS), DECLARATIONS)
    wrong: list[str] = []

    def trace(node: Expr, outcome: Outcome) -> None:
        type_ = result.types[node.id]
        if outcome.error is None and not holds(outcome.value, type_):
            wrong.append(f"{type(node).__name__} {text[node.start : node.end]}: {type_}")

    with suppress(EvaluationError):
        evaluate(result, data.draw(bindings()), trace=trace)
    assert not wrong
