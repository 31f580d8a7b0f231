"""What runs cel-spec's conformance tests: the notation of the data, and three ways to evaluate.

The data lies beside the repository.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from policyengine import cel
from policyengine.cel import interpret
from policyengine.cel import types as t
from policyengine.cel.environment import MessageTypes
from policyengine.cel.functions import Function, Overload
from policyengine.cel.typenames import parse_type
from policyengine.values.compare import equal
from policyengine.values.kinds import TypeValue, UInt, type_name
from policyengine.values.maps import make_map
from policyengine.values.times import Duration, Timestamp

DATA = Path(__file__).parents[3] / "shared" / "conformance" / "cel-spec"

LIBRARIES = (
    "bindings", "block", "comprehensions", "encoders", "lists", "math", "network", "optionals",
    "protos", "regex", "sets", "strings",
)  # fmt: skip
_NAMED = {"any": t.DYN, "timestamp": t.TIMESTAMP, "duration": t.DURATION}


def records(suite: str, *tags: str) -> list[dict[str, Any]]:
    read = json.loads((DATA / f"{suite}.json").read_text())
    return [test for test in read["tests"] if test["proto"] in tags]


def suites() -> list[str]:
    return sorted(path.stem for path in DATA.glob("*.json"))


def read_type(data: Any, messages: MessageTypes | None = None) -> t.Type:
    """A type in the notation of the data; `KeyError` for an unknown message type."""

    def inner(part: Any) -> t.Type:
        return read_type(part, messages)

    if isinstance(data, str):
        return _NAMED.get(data) or parse_type(data)
    match data:
        case ["list", element]:
            return t.ListType(inner(element))
        case ["map", key, value]:
            return t.MapType(inner(key), inner(value))
        case ["wrapper", value]:
            return t.WrapperType(inner(value))
        case ["abstract", "optional_type", value]:
            return t.OptionalType(inner(value))
        case ["abstract", name, *parameters]:
            return t.AbstractType(name, tuple(map(inner, parameters)))
        case ["param", name]:
            return t.TypeParam(name)
        case ["message", name]:
            try:
                return parse_type(name, messages.types if messages else None)
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
    "type": TypeValue,
}
Reader = Callable[[dict[str, Any]], Any]


def no_message(data: dict[str, Any]) -> Any:
    """The reader of messages and enums where there is no protobuf."""
    raise KeyError(data.get("message") or data["enum"])


def read_value(data: dict[str, Any], message: Reader = no_message) -> Any:
    """A value in the notation of the data; `message` reads messages and enums."""
    data = {key: value for key, value in data.items() if key != "wkt"}
    if "message" in data or "enum" in data:
        return message(data)
    if "seconds" in data:
        kind = Timestamp if "timestamp" in data else Duration
        return kind(int(data["seconds"]) * 10**9 + data["nanos"])
    ((tag, value),) = data.items()
    if tag == "list":
        return [read_value(item, message) for item in value]
    if tag == "map":
        return make_map((read_value(k, message), read_value(v, message)) for k, v in value)
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


def environment(test: dict[str, Any], messages: MessageTypes | None = None) -> cel.Environment:
    entries = test.get("type_env") or []
    variables = {e["name"]: read_type(e["type"], messages) for e in entries if e["kind"] == "var"}
    if not test.get("disable_check"):
        for name in test.get("bindings") or {}:
            variables.setdefault(name, t.DYN)
    functions = [read_function(entry) for entry in entries if entry["kind"] == "function"]
    # A test's own function may have the name of one of ours.
    used = () if functions else LIBRARIES
    container = test.get("container", "")
    return cel.Environment(variables, functions, container, used, messages=messages)


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


def failure(
    test: dict[str, Any], messages: MessageTypes | None = None, message: Reader = no_message
) -> str:
    """Why a test fails; empty where it passes."""
    expect = test["expect"]
    try:
        program = environment(test, messages).compile(
            test["expr"], check=not test.get("disable_check")
        )
    except cel.CompileError as error:
        return "" if "error" in expect else f"does not compile: {error}"
    if "type" in expect and program.type != read_type(expect["type"], messages):
        return f"is of type {program.type}"
    if test.get("check_only"):
        return ""
    bindings = {name: read_value(v, message) for name, v in (test.get("bindings") or {}).items()}
    given = list(outcomes(program, bindings))
    if "error" in expect:
        codes = {getattr(one, "code", None) for one in given}
        return "" if len(codes) == 1 and None not in codes else f"gives {given!r}"
    wanted = read_value(expect["value"], message)
    return "" if all(same(one, wanted) for one in given) else f"gives {given!r}"
