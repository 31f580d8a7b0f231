"""Policies and inputs that try to become code, or to bring the compiler down."""

from __future__ import annotations

import ast
import json
import marshal
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import CodeType
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from random_points import bundles

import policyengine
from policyengine.cel.environment import Environment
from policyengine.decision import Decision
from policyengine.errors import EvaluationError
from policyengine.explanation import explain
from policyengine.program import dumps, loads, references_name
from policyengine.rules.check import check
from policyengine.rules.load import load_text
from policyengine.rules.model import CheckedBundle
from policyengine.values.references import References

NOW = datetime(2024, 2, 29, tzinfo=UTC)
NASTY = [
    "');import os;os.system('x')#",
    '"""\\nraise SystemExit\\n"""',
    "{0.__class__.__mro__}",
    "__import__('os')",
    "\n\r\t\x0b\x1c\u2028\u2029",
    "\ud800",
    "\0",
    "\\N{BULLET}\\x41\\",
    "matched",
    "\U0001f600é",
]
# Names that generated code uses itself, or that Python treats in its own way.
NAMES = [
    "matched", "errors", "i", "closed", "sure", "open_", "fact0", "fact_0", "fact_1", "_judge_rule",
    "bindings", "class", "None", "def", "__class__", "__debug__", "__import__", "lambda", "print",
    "x_1", "bad_point_p0", "bad_point_p0_rule0", "len", "dict", "str", "list", "enumerate",
]  # fmt: skip


def program(rules: str, schema: Any = None, constants: Any = None) -> policyengine.Program:
    return policyengine.compile(checked(rules, schema, constants))


def checked(rules: str, schema: Any = None, constants: Any = None) -> CheckedBundle:
    point = "bad.point" if schema else "llm.request"
    manifest = {
        "apiVersion": "policyengine.dev/v1", "kind": "Bundle", "name": "b", "version": "1.0.0",
        "constants": constants or {},
    }  # fmt: skip
    policy = (
        "apiVersion: policyengine.dev/v1\nkind: Policy\nmetadata: {name: p}\n"
        f"on: [{point}]\nrules:\n{rules}"
    )
    files = {"bundle.yaml": json.dumps(manifest), "p.yaml": policy}
    if schema:
        files["schemas/bad.point.json"] = json.dumps(schema)
    return check(load_text(files))


def decide(made: policyengine.Program, input: Any, point: str = "llm.request") -> Decision:
    return policyengine.Engine(made).decide(point, input, now=NOW)


def rule(condition: str, name: str = "r") -> str:
    return f"  - id: {name}\n    when: {json.dumps(condition)}\n    deny: no\n"


def literal(text: str) -> str:
    """A CEL string of a text."""
    return json.dumps(text) if text.isprintable() else repr(text)


@pytest.mark.parametrize("text", [text for text in NASTY if text != "\ud800"], ids=ascii)
def test_texts_are_constants(text: str) -> None:
    cel = "'" + "".join(f"\\U{ord(c):08x}" for c in text) + "'"
    made = program(rule(f"request.model == {cel}") + rule(f"request.model in [{cel}, 'a']", "r2"))
    assert decide(made, {"request": {"model": text}}).verdict == "deny"
    assert [r.rule for r in decide(made, {"request": {"model": text}}).reasons] == ["r", "r2"]
    assert [r.rule for r in decide(made, {"request": {"model": "b"}}).reasons] == [""]
    ast.parse(made.python)


@pytest.mark.parametrize("text", NASTY, ids=ascii)
def test_inputs_are_data(text: str) -> None:
    made = program(rule("request.model.size() > 100"))
    decision = decide(made, {"request": {"model": text, "system": text}, text: text})
    assert decision.verdict == "deny"
    decision.to_json().encode()


@pytest.mark.parametrize("name", NAMES)
def test_names_of_fields_meet_no_names_of_generated_code(name: str) -> None:
    field = {"type": "object", "properties": {name: {"type": "string"}, "f": {"type": "integer"}}}
    schema = {
        "type": "object",
        "properties": {"a": field, "t": {"type": "string", "x-text": True}},
        "required": ["a"],
    }
    quoted = f"a.`{name}`"
    condition = f"{quoted} == 'x' && [1, 2].exists(e, a.f + e == 3) && {quoted}.size() < 5"
    asking = f"{quoted} == 'x' && words(['hit']) != [] && words(['miss']) == [] && a.f == 1"
    made = program(rule(condition) + rule(asking, "r2") + rule("!has(a.f)", "r3"), schema)
    for input, rules in (
        ({"a": {name: "x", "f": 1}, "t": "a hit"}, ["r"]),
        ({"a": {name: "x", "f": 2}, "t": "a hit"}, ["r"]),
        ({"a": {name: "y", "f": 1}, "t": "a hit"}, [""]),
        ({"a": {name: "x", "f": 1}, "t": ""}, ["r"]),
    ):
        found = decide(made, input, "bad.point")
        assert [reason.rule for reason in found.reasons] == rules
    ast.parse(made.python)


@pytest.mark.parametrize("name", [name for name in NAMES if name.isidentifier()])
def test_names_of_locals_and_variables_meet_no_others(name: str) -> None:
    if name in {"None", "class", "def", "lambda"} or name.startswith("__"):
        name = f"{name}_x"
    env = Environment(variables={name: "list(int)", "errors_1": "int"})
    found = env.compile(f"{name}.exists({name}, {name} > 1 && errors_1 < {name})")
    assert found.evaluate({name: [1, 2], "errors_1": 1}) is True
    assert found.evaluate({name: [1], "errors_1": 1}) is False


def test_functions_of_the_host_meet_no_names_of_generated_code() -> None:
    from policyengine.cel.functions import Function, Overload
    from policyengine.cel.types import INT

    def conform_conform(number: int) -> int:
        return number + 1

    conform_conform.__name__ = "evaluate"
    row = Function("up", (Overload("up", (INT,), INT),), conform_conform)
    assert Environment(functions=[row]).compile("up(up(1)) == 3").evaluate({}) is True


def test_constants_are_data() -> None:
    values = {
        "__class__": "x", "import": [1, {"a": None}], "huge": "h" * 100_000, "f": 1e308,
        "i": -(2**63), "deep": {"a": {"b": {"c": [[[["x"]]]]}}},
    }  # fmt: skip
    made = program(
        rule("request.model == constants.__class__ || request.model == constants.huge")
        + rule("constants.deep.a.b.c == [[[['x']]]] && constants.i < 0", "r2"),
        constants=values,
    )
    found = decide(made, {"request": {"model": "x"}})
    assert [reason.rule for reason in found.reasons] == ["r", "r2"]
    assert loads(dumps(made)) == made


LONG = {
    "and": " && ".join(f"request.model != 'm{i}'" for i in range(700)),
    "and with statements": " && ".join(f"request.max_tokens + {i} != {i}" for i in range(500)),
    "or with statements": " || ".join(f"request.max_tokens + {i} == {i}" for i in range(500)),
    "mixed": " || ".join(
        f"(has(request.max_tokens) && request.max_tokens > {i})" for i in range(300)
    ),
    "ternaries": "request.stream ? true : " * 100 + "false",
    "ternaries with statements": "request.max_tokens + 1 > 2 ? false : " * 60 + "true",
    "nested lists": "[" * 60 + "request.model" + "]" * 60 + " == []",
    "parentheses": "(" * 60 + "request.stream" + ")" * 60,
    "nots": "!" * 100 + "request.stream",
    "sums": "request.max_tokens" + " + request.max_tokens" * 120 + " > 3",
    "loops": "".join(f"[{i}].exists(e{i}, " for i in range(8)) + "e7 == 7" + ")" * 8,
    "big list": "request.model in [" + ", ".join(f"'{i}'" for i in range(1300)) + "]",
}


def test_deeper_loops_are_refused_at_their_place() -> None:
    loops = "".join(f"[{i}].exists(e{i}, " for i in range(30)) + "e29 == 29" + ")" * 30
    with pytest.raises(policyengine.CompileError) as refused:
        checked(rule(loops))
    assert {found.slug for found in refused.value.diagnostics} == {"loops-too-deep"}


@pytest.mark.parametrize("name", LONG)
def test_long_and_deep_conditions_compile_and_decide(name: str) -> None:
    bundle = checked(rule(LONG[name]) + rule("!(" + LONG[name] + ")", "not"))
    made = policyengine.compile(bundle)
    engine = policyengine.Engine(made)
    for tokens, stream in ((0, False), (7, True)):
        input = {"request": {"model": "m", "max_tokens": tokens, "stream": stream, "messages": []}}
        decision = engine.decide("llm.request", input, now=NOW)
        assert decision.errors == ()
        assert len(decision.reasons) == 1
        traces = explain(bundle, engine, "llm.request", input, now=NOW).rules
        assert [t.rule for t in traces if t.result == "matched"] == [decision.reasons[0].rule]
    ast.parse(made.python)


def test_a_very_long_expression() -> None:
    env = Environment(variables={"x": "int"})
    parts = 5_000
    program = env.compile(" && ".join(f"x + {i} != {i}" for i in range(parts)))
    assert program.evaluate({"x": 1}) is True
    assert program.evaluate({"x": 0}) is False
    with pytest.raises(EvaluationError):
        program.evaluate({"x": "0"})


@pytest.mark.parametrize("shape", ["chain", "doubling", "branching"])
def test_variables_of_variables_neither_explode_nor_overflow(shape: str) -> None:
    count = 300
    form = {
        "chain": "variables.v{0} + 1",
        "doubling": "variables.v{0} - variables.v{0} + 1",
        "branching": "variables.v{0} > 0 ? variables.v{0} : 1 - variables.v{0}",
    }[shape]
    variables = {"v0": "request.max_tokens"}
    variables |= {f"v{i}": form.format(i - 1) for i in range(1, count)}
    rules = f"""{rule(f"variables.v{count - 1} > 0 && variables.v{count - 1} < 1000")}
variables: {json.dumps(variables)}
"""
    bundle = checked(rules)
    engine = policyengine.Engine(policyengine.compile(bundle))
    input = {"request": {"model": "m", "max_tokens": 1}}
    decision = engine.decide("llm.request", input, now=NOW)
    assert [(r.code, r.rule) for r in decision.reasons] == [("rule", "r")]
    explained = explain(bundle, engine, "llm.request", input, now=NOW)
    assert [trace.result for trace in explained.rules] == ["matched"]
    assert len(json.dumps(explained.to_dict())) < 200_000


def test_a_wall_of_rules() -> None:
    rules = "".join(
        rule(f"request.max_tokens + {i} == {2 * i} && request.model != 'm{i}'", f"r{i}")
        for i in range(3_000)
    )
    made = program(rules)
    found = decide(made, {"request": {"model": "m5", "max_tokens": 2_999}})
    assert [reason.rule for reason in found.reasons] == ["r2999"]


def test_a_deep_input_is_refused() -> None:
    deep: Any = "x"
    for _ in range(100_000):
        deep = [deep]
    made = program(rule("request.model == 'x'"))
    decision = decide(made, {"request": {"model": "m"}, "extra": deep})
    assert [reason.code for reason in decision.reasons] == ["invalid-input"]
    _flatten(deep)


def _flatten(deep: Any) -> None:
    """Takes a deep list apart, since freeing it as a whole would be one call for each level."""
    while isinstance(deep, list) and deep:
        deep = deep.pop()


ALLOWED = (
    ast.Module, ast.ImportFrom, ast.alias, ast.Assign, ast.AugAssign, ast.FunctionDef,
    ast.arguments, ast.arg, ast.Return, ast.If, ast.For, ast.Try, ast.ExceptHandler, ast.Raise,
    ast.Pass, ast.Break, ast.Expr, ast.Name, ast.Constant, ast.Call, ast.Attribute,
    ast.Subscript, ast.Compare, ast.BoolOp, ast.BinOp, ast.UnaryOp, ast.IfExp, ast.NamedExpr,
    ast.Lambda, ast.List, ast.Tuple,
    ast.Set, ast.Dict, ast.ListComp, ast.comprehension, ast.Yield, ast.Starred, ast.Continue,
    ast.boolop, ast.cmpop, ast.operator, ast.unaryop, ast.expr_context,
)  # fmt: skip
ATTRIBUTES = {
    "__class__", "append", "extend", "get", "items", "startswith", "endswith", "search", "sort",
    "settle", "present", "value", "reserve", "paid",
}  # fmt: skip
BUILTINS = {
    "bool", "dict", "enumerate", "Exception", "float", "frozenset", "int", "len", "list", "str",
    "bytes", "type", "tuple", "set",
}  # fmt: skip


def names_in(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from names_in(constant)


@settings(
    deadline=None, max_examples=40, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
)
@given(bundles())
def test_generated_code_is_made_of_few_kinds_of_nodes(checked: CheckedBundle) -> None:
    made = policyengine.compile(checked)
    tree = ast.parse(made.python)
    bound = {*BUILTINS, *(references_name(point.function) for point in made.points.values())}
    for node in ast.walk(tree):
        assert isinstance(node, ALLOWED), ast.dump(node)
        match node:
            case ast.ImportFrom(module=module, names=names, level=level):
                assert level == 0
                assert module
                assert module.startswith("policyengine.values.")
                bound.update(str(name.asname) for name in names)
            case ast.Attribute(attr=attr):
                assert attr in ATTRIBUTES
            case ast.FunctionDef(name=name):
                bound.add(name)
            case ast.Name(id=name, ctx=ast.Store()):
                bound.add(name)
            case ast.arg(arg=name):
                bound.add(name)
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    assert used - bound == set()
    chunks = [marshal.loads(chunk) for p in made.points.values() for chunk in p.references]
    for code in (made.code, *chunks):
        assert not {"exec", "eval", "compile", "__import__", "open"} & set(names_in(code))


def test_a_decision_keeps_no_errors_or_frames() -> None:
    decision = decide(program(rule("request.max_tokens / 0 > 1")), {"request": {"model": "m"}})
    pending: list[Any] = [decision.to_dict(), decision.errors, decision.reasons, decision.facts]
    while pending:
        part = pending.pop()
        assert not isinstance(part, BaseException)
        if isinstance(part, dict):
            pending += part.values()
        elif isinstance(part, list | tuple):
            pending += part
        elif hasattr(part, "__dataclass_fields__"):
            pending += [getattr(part, name) for name in part.__dataclass_fields__]


def test_tracebacks_point_at_the_policy() -> None:
    made = program(rule("request.model == 'x'") + rule("request.max_tokens / 0 > 1", "r2"))
    function = References(made.points["llm.request"].references)[1]
    with pytest.raises(EvaluationError) as raised:
        function({"request": {"model": "m", "max_tokens": 1}}, None)
    places = [(frame.path, frame.lineno + 1) for frame in raised.traceback]
    assert ("p.yaml", 10) in {(Path(str(path)).name, line) for path, line in places}
