"""cedarpy: Cedar's own engine. A condition is a `permit`; rules are `forbid`s with an `@id`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import cedarpy
from harness import Way

from peers import DICT, READY

NAME = "cedarpy"
PACKAGE = "cedarpy"
LANGUAGE = "cedar"

_WHO = {"principal": 'User::"a"', "action": 'Action::"a"', "resource": 'Route::"a"'}
_HEAD = "(principal, action, resource)"


def conditions(text: str, variables: Mapping[str, str]) -> dict[str, Way]:
    """A parsed policy set and parsed entities; with the context as JSON text, and as a dict."""
    return _ways(f"permit{_HEAD} when {{ {text} }};", lambda result: result.allowed)


def rules(texts: Sequence[str], variables: Mapping[str, str]) -> dict[str, Way]:
    """One policy set; the ids are those of the policies that decided."""
    policies = "\n".join(
        f'@id("{n}") forbid{_HEAD} when {{ {text} }};' for n, text in enumerate(texts)
    )
    return _ways(policies, _matched)


def _ways(policies: str, answer: Callable[[Any], Any]) -> dict[str, Way]:
    known = cedarpy.PolicySet.from_str(policies)
    nobody = cedarpy.Entities.from_json_str("[]")

    def ask(request: Mapping[str, Any]) -> Any:
        return answer(cedarpy.is_authorized(dict(request), known, nobody))

    def ask_dict(input: Mapping[str, Any]) -> Any:
        return answer(cedarpy.is_authorized({**_WHO, "context": dict(input)}, known, nobody))

    def prepare(input: Mapping[str, Any]) -> dict[str, Any]:
        return {**_WHO, "context": json.dumps(input)}

    return {
        READY: Way(ask, prepare=prepare, read=_sorted),
        DICT: Way(ask_dict, read=_sorted),
    }


def _matched(result: Any) -> list[int]:
    return [int(id) for id in result.diagnostics.id_annotations_by_reason.values()]


def _sorted(answer: Any) -> Any:
    return sorted(answer) if isinstance(answer, list) else answer
