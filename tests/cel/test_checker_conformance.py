"""The checker against cel-spec's conformance tests: standard library, macros and optionals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from policyengine.cel import types as t
from policyengine.cel.ast import Ast, Call, Expr, children
from policyengine.cel.checked import Declarations
from policyengine.cel.checker import check
from policyengine.cel.functions import Function, Overload, table
from policyengine.cel.functions.standard import LIBRARY
from policyengine.cel.macros import LIBRARIES
from policyengine.cel.names import dotted
from policyengine.cel.parser import parse
from policyengine.diagnostics import CompileError

DATA = Path(__file__).parents[2].parent / "shared" / "conformance" / "cel-spec"
MACROS = [name for names in LIBRARIES.values() for name in names]

# Suite -> how many of its tests are covered. A number may only rise.
COVERED = {
    "basic": 39,
    "bindings_ext": 8,
    "block_ext": 25,
    "comparisons": 313,
    "conversions": 108,
    "fields": 55,
    "fp_math": 29,
    "integer_math": 61,
    "lists": 39,
    "logic": 21,
    "macros": 44,
    "macros2": 46,
    "namespace": 10,
    "optionals": 59,
    "parse": 176,
    "plumbing": 4,
    "string": 51,
    "timestamps": 75,
    "type_deduction": 26,
}
# Suites of protobuf messages, and of libraries without any standard function.
NOT_YET = {
    "dynamic",
    "encoders_ext",
    "enums",
    "math_ext",
    "network_ext",
    "proto2",
    "proto2_ext",
    "proto3",
    "string_ext",
    "unknowns",
    "wrappers",
}

_PLAIN = {
    "int": t.INT,
    "uint": t.UINT,
    "double": t.DOUBLE,
    "bool": t.BOOL,
    "string": t.STRING,
    "bytes": t.BYTES,
    "null_type": t.NULL,
    "dyn": t.DYN,
    "any": t.DYN,
    "timestamp": t.TIMESTAMP,
    "duration": t.DURATION,
}

_K, _V = t.TypeParam("K"), t.TypeParam("V")
_OPTIONAL = t.OptionalType(_V)
# The signatures of cel-spec's optional library: its types go through the whole checker, so they
# are checked here whether or not the library has been written.
_OPTIONALS = {
    "optional.of": [((_V,), _OPTIONAL)],
    "optional.ofNonZeroValue": [((_V,), _OPTIONAL)],
    "optional.none": [((), _OPTIONAL)],
    ".hasValue": [((_OPTIONAL,), t.BOOL)],
    ".value": [((_OPTIONAL,), _V)],
    ".or": [((_OPTIONAL, _OPTIONAL), _OPTIONAL)],
    ".orValue": [((_OPTIONAL, _V), _V)],
    "_[?_]": [
        ((t.ListType(_V), t.INT), _OPTIONAL),
        ((t.OptionalType(t.ListType(_V)), t.INT), _OPTIONAL),
        ((t.MapType(_K, _V), _K), _OPTIONAL),
        ((t.OptionalType(t.MapType(_K, _V)), _K), _OPTIONAL),
    ],
    "_[_]": [
        ((t.OptionalType(t.ListType(_V)), t.INT), _OPTIONAL),
        ((t.OptionalType(t.MapType(_K, _V)), _K), _OPTIONAL),
    ],
}


def optionals() -> list[Function]:
    implementations = {function.name: function.impl for function in LIBRARY.functions}
    return [
        Function(
            name.removeprefix("."),
            tuple(
                Overload(f"{name}_{number}", args, result, receiver=name.startswith("."))
                for number, (args, result) in enumerate(rows)
            ),
            implementations.get(name, "none.none"),
        )
        for name, rows in _OPTIONALS.items()
    ]


def read_type(data: Any) -> t.Type:
    """A type in the notation of the conformance data."""
    if isinstance(data, str):
        return _PLAIN[data]
    match data:
        case ["list", element]:
            return t.ListType(read_type(element))
        case ["map", key, value]:
            return t.MapType(read_type(key), read_type(value))
        case ["wrapper", value]:
            return t.WrapperType(read_type(value))
        case ["abstract", "optional_type", value]:
            return t.OptionalType(read_type(value))
        case ["abstract", name, *parameters]:
            return t.AbstractType(name, tuple(map(read_type, parameters)))
        case ["type"]:
            return t.TypeType()
        case ["type", value]:
            return t.TypeType(read_type(value))
        case ["param", name]:
            return t.TypeParam(name)
    raise AssertionError(data)


def declarations(test: dict[str, Any]) -> Declarations:
    """The standard library, optionals, and what the test declares."""
    variables = {}
    functions = [*LIBRARY.functions, *optionals()]
    for row in test.get("type_env", ()):
        if row["kind"] == "var":
            variables[row["name"]] = read_type(row["type"])
            continue
        overloads = tuple(
            Overload(
                overload["id"],
                tuple(map(read_type, overload["params"])),
                read_type(overload["result"]),
                receiver=overload["instance"],
            )
            for overload in row["overloads"]
        )
        functions.append(Function(row["name"], overloads, impl="none.none"))
    return Declarations(variables, table(functions), container=test.get("container", ""))


def is_covered(ast: Ast, declared: Declarations) -> bool:
    """Whether all functions of an expression are there."""
    waiting: list[Expr] = [ast.root]
    while waiting:
        node = waiting.pop()
        waiting.extend(children(node))
        if isinstance(node, Call):
            qualified = f"{dotted(node.target)}.{node.function}" if node.target else ""
            if not {node.function, qualified} & set(declared.functions):
                return False
    return True


def problem(test: dict[str, Any], ast: Ast, declared: Declarations) -> str | None:
    """What the checker gets wrong about one test."""
    expect = test["expect"]
    try:
        checked = check(ast, declared)
    except CompileError as error:
        return None if "error" in expect else str(error)
    if "type" in expect and checked.type != read_type(expect["type"]):
        return f"deduced {checked.type}, expected {expect['type']}"
    return _wrong_value(expect.get("value"), checked.type)


def _wrong_value(value: Any, type_: t.Type) -> str | None:
    """Whether the expected value cannot have the deduced type."""
    if value is None or type_ == t.DYN or isinstance(type_, t.WrapperType):
        return None
    (tag,) = (key for key in value if key not in ("wkt", "seconds", "nanos"))
    kind = "null_type" if tag == "null" else tag
    if str(type_).partition("(")[0] == kind:
        return None
    return f"deduced {type_}, but the value is {kind}"


@pytest.mark.skipif(not DATA.is_dir(), reason=f"no conformance data in {DATA}")
@pytest.mark.parametrize("suite", COVERED)
def test_suite(suite: str) -> None:
    tests = json.loads((DATA / f"{suite}.json").read_text(encoding="utf-8"))["tests"]
    covered = 0
    wrong = []
    for test in tests:
        if test["proto"] != "none" or test.get("disable_check"):
            continue
        try:
            ast = parse(test["expr"], macros=MACROS)
        except CompileError as error:
            if "error" not in test["expect"]:
                wrong.append(f"{test['section']}/{test['name']}: {test['expr']}\n    {error}")
            continue
        declared = declarations(test)
        if not is_covered(ast, declared):
            continue
        covered += 1
        if (found := problem(test, ast, declared)) is not None:
            wrong.append(f"{test['section']}/{test['name']}: {test['expr']}\n    {found}")
    assert not wrong, f"{len(wrong)} of {covered}:\n" + "\n".join(wrong)
    assert covered >= COVERED[suite], covered
    print(f"{suite}: {covered} of {len(tests)}")


@pytest.mark.skipif(not DATA.is_dir(), reason=f"no conformance data in {DATA}")
def test_no_suite_is_forgotten() -> None:
    assert {path.stem for path in DATA.glob("*.json")} - set(COVERED) == NOT_YET
