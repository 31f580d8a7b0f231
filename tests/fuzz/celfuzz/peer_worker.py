"""The process in which the peer runs: it may die, and only it dies.

It reads a pickled (expression, inputs) at a time and answers with an outcome: `("value", encoded)`,
`("error", message)` or `("compile", message)`. It must not touch a null
with `value()`: on Python 3.11 the peer then gives away a reference to None that it does not own.
"""

from __future__ import annotations

import json
import math
import pickle
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

from cel_expr_python import cel

EXTENSIONS = (
    "strings", "math", "lists", "sets", "encoders", "regex", "optional", "two-var-comprehensions",
    "bindings",
)  # fmt: skip
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICRO = timedelta(microseconds=1)
# The key of a map comes as a plain value, so that int and uint keys look alike.
_TYPES = {"TIMESTAMP": "google.protobuf.Timestamp", "DURATION": "google.protobuf.Duration",
          "NULL": "null_type"}  # fmt: skip


def main() -> None:
    """Answers requests from the standard input until it ends."""
    source, target = sys.stdin.buffer, sys.stdout.buffer
    variables = {name: declared(type_) for name, type_ in pickle.load(source).items()}
    names = "".join(f"- name: {name}\n" for name in EXTENSIONS)
    config = cel.NewEnvConfigFromYaml(f"name: fuzz\nextensions:\n{names}")
    environment = cel.NewEnv(config=config, variables=variables)
    while True:
        try:
            text, inputs = pickle.load(source)
        except EOFError:
            return
        pickle.dump(outcome(environment, text, inputs), target)
        target.flush()


def declared(type_: Any) -> Any:
    """A type: its name, or its constructor's name and the arguments of it."""
    if isinstance(type_, str):
        return getattr(cel.Type, type_.upper())
    constructor, *arguments = type_
    return getattr(cel.Type, constructor)(*map(declared, arguments))


def outcome(environment: Any, text: str, inputs: dict[str, Any]) -> tuple[str, Any]:
    """What the peer makes of one expression."""
    try:
        program = environment.compile(text)
    except Exception as error:
        return "compile", str(error)
    try:
        value = program.eval(data=inputs)
        if value.type().name() == "ERROR":
            return "error", str(value.value())
        return "value", encoded(value)
    except Exception as error:
        return "error", str(error)


def encoded(value: Any) -> Any:
    """A value of the peer in the form of `celfuzz.encoding.encoded`."""
    kind = value.type().name()
    if kind in ("NULL", "null_type"):
        return ["null"]
    if kind == "ERROR":
        raise ValueError("a value that the peer cannot give to Python")
    held = value.value()
    match held:
        case bool():
            return ["bool", held]
        case int():
            return ["uint" if kind == "UINT" else "int", str(held)]
        case float():
            return ["double", "nan" if math.isnan(held) else repr(held)]
        case str():
            return ["string", held]
        case bytes() | bytearray():
            return ["bytes", bytes(held).hex()]
        case datetime():
            return ["timestamp", (held - _EPOCH) // _MICRO]
        case timedelta():
            return ["duration", held // _MICRO]
        case list():
            return ["list", *map(encoded, held)]
        case dict():
            pairs = [[key(name), encoded(item)] for name, item in held.items()]
            return ["map", *sorted(pairs, key=json.dumps)]
    name = str(held)
    return ["type", _TYPES.get(name, name.split("<")[0].lower())]


def key(name: Any) -> Any:
    """The key of a map."""
    if isinstance(name, bool):
        return ["bool", name]
    return ["string", name] if isinstance(name, str) else ["number", str(name)]


if __name__ == "__main__":
    main()
