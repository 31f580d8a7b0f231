"""cel-spec's conformance tests, each of them run three ways: fast code, reference, interpreter.

A test passes when all three give what it expects, of the type that it expects. The data lies
beside the repository; without it the tests are skipped.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from policyengine import cel
from policyengine.cel import interpret
from policyengine.cel import types as t
from policyengine.cel.functions import Function, Overload
from policyengine.cel.typenames import parse_type
from policyengine.values.compare import equal
from policyengine.values.kinds import TypeValue, UInt, type_name
from policyengine.values.maps import make_map
from policyengine.values.times import Duration, Timestamp

DATA = Path(__file__).parents[3] / "shared" / "conformance" / "cel-spec"

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f"there is no {DATA.name} data")

# Suite -> how many of its tests need no message type but the well-known ones, and pass.
PASSED = {
    "basic": 43,
    "bindings_ext": 8,
    "block_ext": 25,
    "comparisons": 362,
    "conversions": 109,
    "dynamic": 72,
    "encoders_ext": 4,
    "fields": 60,
    "fp_math": 30,
    "integer_math": 64,
    "lists": 39,
    "logic": 30,
    "macros": 44,
    "macros2": 46,
    "math_ext": 199,
    "namespace": 14,
    "network_ext": 69,
    "optionals": 59,
    "parse": 193,
    "plumbing": 5,
    "proto2": 12,
    "string": 51,
    "string_ext": 213,
    "timestamps": 78,
    "type_deduction": 26,
}
# How many of the tests of message types give the value that they expect without any protobuf.
# Those that expect an error are left out: without the types everything is one.
MESSAGES_PASSED = 0

LIBRARIES = (
    "bindings", "block", "comprehensions", "encoders", "lists", "math", "network", "optionals",
    "regex", "sets", "strings",
)  # fmt: skip
_NAMED = {"any": t.DYN, "timestamp": t.TIMESTAMP, "duration": t.DURATION}


def records(suite: str, *tags: str) -> list[dict[str, Any]]:
    read = json.loads((DATA / f"{suite}.json").read_text())
    return [test for test in read["tests"] if test["proto"] in tags]


def suites() -> list[str]:
    return sorted(path.stem for path in DATA.glob("*.json"))


def read_type(data: Any) -> t.Type:
    """A type in the notation of the data; `KeyError` for a message type."""
    if isinstance(data, str):
        return _NAMED.get(data) or parse_type(data)
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
        case ["param", name]:
            return t.TypeParam(name)
        case ["message", name]:
            try:
                return parse_type(name)
            except ValueError:
                raise KeyError(name) from None
    raise AssertionError(data)


_READERS: dict[str, Callable[[Any], Any]] = {
    "int": int,
    "uint": lambda text: UInt(int(text)),
    "double": float,
    "bool": bool,
    "string": str,
    "bytes": base64.b64decode,
    "null": lambda _: None,
    "list": lambda items: [read_value(item) for item in items],
    "map": lambda pairs: make_map((read_value(k), read_value(v)) for k, v in pairs),
    "type": TypeValue,
}


def read_value(data: dict[str, Any]) -> Any:
    """A value in the notation of the data; `KeyError` for a message or an enum."""
    data = {key: value for key, value in data.items() if key != "wkt"}
    if "seconds" in data:
        kind = Timestamp if "timestamp" in data else Duration
        return kind(int(data["seconds"]) * 10**9 + data["nanos"])
    if "message" in data or "enum" in data:
        raise KeyError(data.get("message") or data["enum"])
    ((tag, value),) = data.items()
    return _READERS[tag](value)


def read_function(entry: dict[str, Any]) -> Function:
    return Function(
        entry["name"],
        tuple(
            Overload(
                row["id"],
                tuple(map(read_type, row["params"])),
                read_type(row["result"]),
                receiver=row["instance"],
            )
            for row in entry["overloads"]
        ),
        lambda *args: args,
    )


def environment(test: dict[str, Any]) -> cel.Environment:
    entries = test.get("type_env") or []
    variables = {e["name"]: read_type(e["type"]) for e in entries if e["kind"] == "var"}
    if not test.get("disable_check"):
        for name in test.get("bindings") or {}:
            variables.setdefault(name, t.DYN)
    functions = [read_function(entry) for entry in entries if entry["kind"] == "function"]
    # A test's own function may have the name of one of ours.
    used = () if functions else LIBRARIES
    return cel.Environment(variables, functions, test.get("container", ""), used)


def outcomes(program: cel.Program, bindings: dict[str, Any]) -> Iterator[Any]:
    """What the three ways give: a value, or the error."""
    ways: list[Callable[[dict[str, Any]], Any]] = [
        program.evaluate,
        program._reference,
        lambda given: interpret.evaluate(program.checked, given),
    ]
    for way in ways:
        try:
            yield way(bindings)
        except cel.EvaluationError as error:
            yield error


def same(given: Any, wanted: Any) -> bool:
    if isinstance(given, Exception):
        return False
    if type_name(given) != type_name(wanted):
        return False
    return equal(given, wanted) or (given != given and wanted != wanted)


def failure(test: dict[str, Any]) -> str:
    """Why a test fails; empty where it passes."""
    expect = test["expect"]
    try:
        program = environment(test).compile(test["expr"], check=not test.get("disable_check"))
    except cel.CompileError as error:
        return "" if "error" in expect else f"does not compile: {error}"
    if "type" in expect and program.type != read_type(expect["type"]):
        return f"is of type {program.type}"
    if test.get("check_only"):
        return ""
    bindings = {name: read_value(v) for name, v in (test.get("bindings") or {}).items()}
    given = list(outcomes(program, bindings))
    if "error" in expect:
        codes = {getattr(one, "code", None) for one in given}
        return "" if len(codes) == 1 and None not in codes else f"gives {given!r}"
    wanted = read_value(expect["value"])
    return "" if all(same(one, wanted) for one in given) else f"gives {given!r}"


def test_the_table_covers_all_that_needs_no_message_type() -> None:
    assert sum(PASSED.values()) == 1855
    counts = {suite: len(records(suite, "none", "wkt")) for suite in suites()}
    assert {suite: count for suite, count in counts.items() if count} == PASSED


@pytest.mark.parametrize("suite", PASSED)
def test_the_suite_passes(suite: str) -> None:
    run = records(suite, "none", "wkt")
    failures = [
        f"{test['section']}/{test['name']}: `{test['expr']}` {why}"
        for test in run
        if (why := failure(test))
    ]
    assert len(run) - len(failures) == PASSED[suite], "\n".join(failures)


def test_message_types_are_counted() -> None:
    passed = 0
    for suite in suites():
        for test in records(suite, "message"):
            if "error" in test["expect"]:
                continue
            try:
                passed += not failure(test)
            except KeyError:
                continue
    assert passed >= MESSAGES_PASSED
    print(f"{passed} tests of message types pass")
