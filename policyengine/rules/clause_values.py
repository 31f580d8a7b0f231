"""Whether a question to a provider of facts has the form that the provider's schema asks for."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

from policyengine.cel.suggestions import closest, listed
from policyengine.diagnostics import Diagnostic
from policyengine.errors import FactError
from policyengine.plugins import FactProvider
from policyengine.rules.yaml import Path
from policyengine.source import Span

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

_TYPES = {
    "string": "text", "array": "a list", "object": "an object", "integer": "an integer",
    "number": "a number", "boolean": "true or false", "null": "null",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Places:
    """Where a configuration stands: its parts by path, the whole, and its keys if it is YAML."""

    parts: Mapping[Path, Span] = field(repr=False)
    whole: Span
    key: Callable[[Path], Span] | None = None

    def of(self, path: Path) -> Span:
        """The place of a part, or of the smallest known part around it."""
        known = (path[:n] for n in range(len(path), -1, -1))
        return next((self.parts[p] for p in known if p in self.parts), self.whole)


def config_problems(
    name: str, provider: FactProvider, config: Any, places: Places
) -> list[Diagnostic]:
    """What is wrong with a question to a provider of facts."""
    if misfit := misfits(name, provider.SCHEMA, config, places):
        return misfit
    told: Callable[[Any], Iterable[tuple[Path, str]]] | None = getattr(provider, "problems", None)
    wrong = list(told(config)) if told is not None else []
    if wrong:
        return [Diagnostic("clause-value", f"`{name}`: {text}", places.of(p)) for p, text in wrong]
    try:
        provider.build(prepared(name, provider, config))
    except ValueError as error:
        return [Diagnostic("clause-value", f"`{name}`: {error}", places.of(()))]
    except FactError:
        # A model that is missing here may be there where the bundle decides, and else is an error
        # of each decision.
        pass
    return []


def misfits(name: str, schema: Mapping[str, Any], value: Any, places: Places) -> list[Diagnostic]:
    """Where a value does not fit a JSON Schema; `name` is what it is called."""
    from jsonschema import Draft202012Validator

    errors = sorted(Draft202012Validator(schema).iter_errors(value), key=lambda e: str(e.json_path))
    return [_misfit(name, _deepest(error), places) for error in errors]


_LAST = 1_000_000_000
# So many keys are offered where each of them begins with what was written.
_FEW = 3

# Configurations whose preparation is kept: a clause is looked at when it is read, and when its
# bundle is checked for each decision point.
_KEPT = 64


def prepared(name: str, provider: FactProvider, config: Any) -> Any:
    """What is stored in the compiled bundle for a clause's value, and given to `build`.

    Raises `ValueError` for a value that makes no sense.
    """
    normal = provider.normal(config)
    if not hasattr(provider, "prepare"):
        return normal
    whole: Any = provider
    return json.loads(_prepared(name, whole, json.dumps(normal, sort_keys=True)))


@lru_cache(_KEPT)
def _prepared(name: str, provider: Any, normal: str) -> str:
    return json.dumps(provider.prepare(json.loads(normal)))


def cost(provider: FactProvider, config: Any) -> int:
    """What a question costs, which may depend on what it asks.

    A limit is asked last: whoever asks it is charged.
    """
    if provider.READS == "charges":
        return _LAST
    costs: Callable[[Any], int] | None = getattr(provider, "cost", None)
    return costs(config) if costs is not None else provider.COST


def _deepest(error: ValidationError) -> ValidationError:
    """Of the forms that a value may have, what is wrong in the one it comes nearest to."""
    while error.context and not all(_is_type(inner, error) for inner in error.context):
        error = max(error.context, key=partial(_nearness, error))
    return error


def _nearness(outer: ValidationError, inner: ValidationError) -> tuple[int, bool, bool]:
    is_other = _is_type(inner, outer)
    return len(inner.absolute_path), not is_other, inner.validator == "enum"


def _is_type(inner: ValidationError, outer: ValidationError) -> bool:
    """Whether a form is another kind of value altogether, such as `true` beside an object."""
    if inner.absolute_path != outer.absolute_path:
        return False
    instance: Any = inner.instance
    is_whole = isinstance(instance, Mapping | list)
    return inner.validator == "type" or (is_whole and inner.validator in ("const", "enum"))


def _misfit(name: str, error: ValidationError, places: Places) -> Diagnostic:
    path: Path = tuple(error.absolute_path)
    said = f"`{path[-1]}` of `{name}`" if path and isinstance(path[-1], str) else f"`{name}`"
    if path and isinstance(path[-1], int):
        said = f"item {path[-1] + 1} of `{name}`"
    if error.validator == "additionalProperties":
        return _unknown_key(said, path, error, places)
    message = f"{said} {_wanted(error)}"
    return Diagnostic("clause-value", message, places.of(path), _meant(error))


def _meant(error: ValidationError) -> str:
    """The choice that is nearest to what was written."""
    choices: Any = error.validator_value
    if error.validator != "enum" or not isinstance(error.instance, str):
        return ""
    meant = closest(error.instance, [choice for choice in choices if isinstance(choice, str)])
    return f"did you mean `{meant}`?" if meant else ""


def _unknown_key(said: str, path: Path, error: ValidationError, places: Places) -> Diagnostic:
    schema: Any = error.schema
    instance: Any = error.instance
    allowed = list(schema.get("properties", {}))
    extra = next(str(key) for key in instance if key not in allowed)
    meant = closest(extra, allowed)
    span = places.key((*path, extra)) if places.key else places.of((*path, extra))
    longer = [f"`{key}`" for key in allowed if extra and key.startswith(extra)]
    # `limit` may be meant for `limits` or for `limit_usd`: only the author knows.
    meant = " or ".join(longer) if 1 < len(longer) <= _FEW else f"`{meant}`" if meant else ""
    note = f"did you mean {meant}?" if meant else ""
    help = "" if meant else f"its keys are {listed(allowed, most=20)}" if allowed else ""
    message = f"`{extra[:80]}` is not a key of {said}"
    return Diagnostic("clause-value", message, span, note, help)


def _wanted(error: ValidationError) -> str:
    """What a schema asks for, in words."""
    wanted: Any = error.validator_value
    instance: Any = error.instance
    schema: Any = error.schema
    if error.validator in ("enum", "pattern") and "x-wanted" in schema:
        return str(schema["x-wanted"])
    match error.validator:
        case "type":
            return _one_of(wanted if isinstance(wanted, list) else [wanted])
        case "anyOf" | "oneOf" if error.context:
            return _one_of([inner.validator_value for inner in error.context])
        case "enum" if isinstance(wanted, list):
            return f"must be one of {', '.join(f'`{choice}`' for choice in wanted)}"
        case "required":
            return f"lacks `{next(key for key in wanted if key not in instance)}`"
        case "minItems" | "minLength" | "minProperties" if wanted == 1:
            return "must not be empty"
        case "minItems":
            return f"has fewer than {wanted} items"
        case "minimum":
            return f"must be at least {wanted}"
        case "maximum":
            return f"must be at most {wanted}"
        case "const":
            return f"must be `{str(wanted).lower()}`"
        case "maxItems":
            return f"has more than {wanted} items"
        case "maxLength":
            return f"has more than {wanted} characters"
        case _:
            return f"does not fit: {error.validator} is {str(wanted)[:80]}"


def _one_of(types: list[Any]) -> str:
    names = [_TYPES.get(str(kind), str(kind)[:80]) for kind in types]
    return f"must be {' or '.join(dict.fromkeys(names))}"
