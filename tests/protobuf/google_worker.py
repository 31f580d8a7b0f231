"""Asks Google's C++ engine about expressions over messages, in a process that may die of it.

It reads `[syntax, expression]` pairs as JSON and writes `true`, `false`, `"compile"` or `"error"`
for each, one in a line.
"""

from __future__ import annotations

import json
import sys

from cel_expr_python import cel
from conformance_types import PACKAGE, file_set

from policyengine.protobuf.files import read_files


def main() -> None:
    pool = read_files(file_set())[0].pool
    environments = {
        syntax: cel.NewEnv(descriptor_pool=pool, container=f"{PACKAGE}.{syntax}")
        for syntax in ("proto2", "proto3")
    }
    for syntax, expression in json.load(sys.stdin):
        print(json.dumps(answer(environments[syntax], expression)), flush=True)


def answer(environment: cel.Env, expression: str) -> bool | str:
    try:
        compiled = environment.compile(expression)
    except Exception:  # whatever its binding raises
        return "compile"
    try:
        value = compiled.eval(data={}).plain_value()
    except Exception:
        return "error"
    # An error comes as a value.
    return value if isinstance(value, bool) else "error"


if __name__ == "__main__":
    main()
