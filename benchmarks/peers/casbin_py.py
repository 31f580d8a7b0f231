"""pycasbin: a condition is the matcher; rules are policies whose text the matcher evaluates.

It stops at the first rule that decides, so that is all that it can be held to.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import casbin
from harness import Way

from peers import DICT

NAME = "pycasbin"
PACKAGE = "pycasbin"
LANGUAGE = "casbin"

# It formats a log record for every decision that is not wanted by default.
logging.getLogger("casbin").setLevel(logging.ERROR)

_MODEL = """
[request_definition]
r = {names}
[policy_definition]
p = {policy}
[policy_effect]
e = {effect}
[matchers]
m = {matcher}
"""


def conditions(text: str, variables: Mapping[str, str]) -> dict[str, Way]:
    """The condition is the matcher; the input's parts are the request."""
    enforcer = _enforcer(variables, "id", "some(where (p.eft == allow))", text)
    enforcer.add_policy("all")
    return {DICT: Way(_with_parts(enforcer.enforce, variables))}


def rules(texts: Sequence[str], variables: Mapping[str, str]) -> dict[str, Way]:
    """One policy for each rule, evaluated in turn up to the first that denies."""
    effect = "!some(where (p.eft == deny))"
    enforcer = _enforcer(variables, "id, rule, eft", effect, "eval(p.rule)")
    enforcer.add_policies([[str(n), text, "deny"] for n, text in enumerate(texts)])
    ask = _with_parts(enforcer.enforce_ex, variables)
    return {
        f"{DICT}, first match only": Way(
            ask,
            read=lambda found: [int(found[1][0])] if found[1] else [],
            expects=lambda matched: matched[:1],
        )
    }


def _enforcer(variables: Mapping[str, str], policy: str, effect: str, matcher: str) -> Any:
    names = ", ".join(variables)
    text = _MODEL.format(names=names, policy=policy, effect=effect, matcher=matcher)
    return casbin.Enforcer(casbin.Enforcer.new_model(text=text))


def _with_parts(
    enforce: Callable[..., Any], variables: Mapping[str, str]
) -> Callable[[Mapping[str, Any]], Any]:
    names = tuple(variables)
    return lambda input: enforce(*[input[name] for name in names])
