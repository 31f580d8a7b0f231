"""cel-expr-python: Google's cel-cpp for Python. It checks types."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cel_expr_python import cel
from harness import Way

from peers import DICT, READY

NAME = "cel-expr-python"
PACKAGE = "cel-expr-python"
LANGUAGE = "cel"

_OBJECT = cel.Type.Map(cel.Type.STRING, cel.Type.DYN)
_TYPES = {
    "object": _OBJECT,
    "dyn": cel.Type.DYN,
    "list(int)": cel.Type.List(cel.Type.INT),
}


def environment(variables: Mapping[str, str]) -> Any:
    """An environment that declares what can be declared without protobuf messages."""
    return cel.NewEnv(variables={name: _TYPES[type_] for name, type_ in variables.items()})


def compiler(variables: Mapping[str, str]) -> Callable[[str], Any]:
    """From text to a checked expression."""
    return environment(variables).compile


def conditions(text: str, variables: Mapping[str, str]) -> dict[str, Way]:
    """A compiled expression; with an activation made beforehand, and with a dict."""
    env = environment(variables)
    evaluate = env.compile(text).eval
    return {
        READY: Way(lambda activation: evaluate(activation).value(), prepare=env.Activation),
        DICT: Way(lambda input: evaluate(data=input).value()),
    }


def rules(texts: Sequence[str], variables: Mapping[str, str]) -> dict[str, Way]:
    """One expression for each rule, asked in turn with one activation."""
    env = environment(variables)
    expressions = [env.compile(text).eval for text in texts]

    def matched(activation: Any) -> list[int]:
        return [n for n, evaluate in enumerate(expressions) if evaluate(activation).value()]

    def of_dict(input: Any) -> list[int]:
        return matched(env.Activation(input))

    return {READY: Way(matched, prepare=env.Activation), DICT: Way(of_dict)}
