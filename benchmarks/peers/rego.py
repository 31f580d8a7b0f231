"""regopy: Rego by rego-cpp. A bundle is built once; the matched rules are a set."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import regopy
from harness import Way

from peers import DICT, READY, PeerError

NAME = "regopy"
PACKAGE = "regopy"
LANGUAGE = "rego"

_HEAD = "package b\nimport rego.v1\n"


def conditions(text: str, variables: Mapping[str, str]) -> dict[str, Way]:
    """One rule that is true or undefined."""
    return _ways(f"{_HEAD}default answer := false\nanswer if {{ {text} }}\n", bool)


def rules(texts: Sequence[str], variables: Mapping[str, str]) -> dict[str, Way]:
    """One partial rule for each rule; together they make the set of matched ids."""
    parts = [f"answer contains {n} if {{ {text} }}\n" for n, text in enumerate(texts)]
    return _ways(_HEAD + "".join(parts), sorted)


def _ways(module: str, read: Callable[[Any], Any]) -> dict[str, Way]:
    interpreter = regopy.Interpreter()
    interpreter.add_module("b", module)
    bundle = interpreter.build(None, ["b/answer"])
    if not bundle.ok():
        raise PeerError("its compiler refuses the policy")

    def ask(input: Any) -> Any:
        interpreter.set_input(input)
        output = interpreter.query_bundle_entrypoint(bundle, "b/answer")
        return output.results[0].expressions[0]

    def of_dict(input: Mapping[str, Any]) -> Any:
        return ask(regopy.Input(input))

    return {READY: Way(ask, prepare=regopy.Input, read=read), DICT: Way(of_dict, read=read)}
