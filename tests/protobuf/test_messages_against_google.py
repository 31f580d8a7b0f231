"""Random expressions over messages: three evaluators of ours, and Google's C++ engine.

What the two are known to differ in is not drawn:

- a number that a closed enum does not have, which protobuf for Python has no way to hold;
- a number that is not null for a `NullValue`: it is taken for null there, an error here;
- a message where a `Struct` is asked for: it is converted there, an error here;
- reading an `Any` that is not set: null here, as for every field that may be null, and there an
  error once it is used.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from random import Random

import pytest

pytest.importorskip("google.protobuf", reason="there is no protobuf")

from conformance import outcomes
from conformance_types import PACKAGE, file_set

from policyengine import cel
from policyengine.protobuf import Messages

ROOT = Path(__file__).resolve().parents[2]
MESSAGES = Messages(file_set())
ENVIRONMENTS = {
    syntax: cel.Environment(container=f"{PACKAGE}.{syntax}", messages=MESSAGES)
    for syntax in ("proto2", "proto3")
}
PLAIN = (
    "1", "0", "-1", "1u", "0u", "1.5", "0.0", "-0.0", "double('NaN')", "1e300", "true", "false",
    "''", "'a'", "b''", "b'a'", "null", "[]", "[1]", "['a']", "[null]", "[1.0, 'x', null]",
    "[true]", "{}", "{'a': 1}", "{'a': 'b'}", "{true: 1}", "{true: null}", "{1: 2}",
    "{false: timestamp(1)}", "timestamp('2020-01-01T00:00:00Z')", "duration('-1.5s')",
    "[timestamp(1), null]", "type(1)",
)  # fmt: skip
LARGE = ("2147483647", "2147483648", "-2147483649", "4294967296u")
MADE = (
    "TestAllTypes{}", "TestAllTypes{single_int32: 1}", "TestAllTypes.NestedMessage{bb: 1}",
    "NestedTestAllTypes{}", "[TestAllTypes.NestedMessage{bb: 1}]",
    "google.protobuf.Int32Value{value: 3}", "google.protobuf.Value{string_value: 'a'}",
    "google.protobuf.Struct{}", "google.protobuf.Any{}", "google.protobuf.Empty{}",
    "google.protobuf.FieldMask{paths: ['a_b']}", "[google.protobuf.Int32Value{value: 1}]",
)  # fmt: skip


class Drawing:
    """Draws expressions that give a bool."""

    def __init__(self, seed: int, syntax: str) -> None:
        self._random = Random(seed)
        (file,) = (f for f in file_set().file if f.package == f"{PACKAGE}.{syntax}")
        types = {message.name: message for message in file.message_type}
        # The names of the others are words that CEL keeps for itself.
        self._fields = [
            field.name
            for field in types["TestAllTypes"].field
            if "_" in field.name and "null_value" not in field.name
        ]

    def value(self, field: str = "") -> str:
        drawn = self._random.choice
        values = PLAIN + LARGE
        if "enum" in field:
            values = tuple(value for value in PLAIN if value != "-1")
        if "struct" not in field:
            values += MADE
        value = drawn(values)
        return f"dyn({value})" if drawn((True, False)) else value

    def literal(self, *fields: str) -> str:
        return f"TestAllTypes{{{', '.join(f'{f}: {self.value(f)}' for f in fields)}}}"

    def expression(self) -> str:
        drawn = self._random.choice
        field, other = drawn(self._fields), drawn(self._fields)
        one, another = self.literal(field), self.literal(*{field, other})
        value = self.value(field)
        return drawn(
            (
                f"has({one}.{field})",
                f"has({one}.{other})",
                f"{one} == {another}",
                f"{one} == {one}",
                f"{one}.{field} == {value}",
                f"dyn({one}.{field}) == dyn({value})",
                f"type({one}.{field}) == type({value})",
                f"dyn({one}.{field}) == null",
                f"{one}.{field} == {another}.{field}",
                f"[{one}.{field}] == [dyn({value})]",
                f"dyn({one}) in [dyn({value}), {one}]",
                f"TestAllTypes{{single_any: {value}}}.single_any == {value}",
                f"TestAllTypes{{single_value: {value}}}.single_value == {value}",
            )
        )


def drawn(syntax: str, count: int) -> list[str]:
    drawing = Drawing(7, syntax)
    return [drawing.expression() for _ in range(count)]


def ours(syntax: str, expression: str) -> bool | str:
    """What all three ways give."""
    try:
        program = ENVIRONMENTS[syntax].compile(expression)
    except cel.CompileError:
        return "compile"
    codes = [getattr(one, "code", one) for one in outcomes(program, {})]
    assert codes[0] == codes[1] == codes[2], expression
    return codes[0] if isinstance(codes[0], bool) else "error"


@pytest.mark.skipif(
    find_spec("cel_expr_python") is None, reason="cel-expr-python has no wheel for this machine"
)
def test_google_says_the_same() -> None:
    asked = [(syntax, text) for syntax in ENVIRONMENTS for text in drawn(syntax, 250)]
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("google_worker.py"))],
        input=json.dumps(asked),
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "tests" / "cel")))},
        capture_output=True,
        text=True,
        check=False,
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(asked), f"the peer died at {asked[len(answers)]}"
    given = [ours(*one) for one in asked]
    different = [row for row in zip(asked, given, answers, strict=True) if row[1] != row[2]]
    assert not different, different[:3]
    # Enough of every kind was drawn for this to mean something.
    assert min(map(given.count, (True, False, "compile", "error"))) > 10
