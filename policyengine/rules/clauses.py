"""Clauses of a rule: which keys are clauses, and whether a plug-in's clause has the right form."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from policyengine.cel.suggestions import closest
from policyengine.diagnostics import Diagnostic
from policyengine.plugins import FactProvider, fact_provider, fact_provider_names
from policyengine.rules.documents import CLAUSES, EFFECTS, RuleForm
from policyengine.rules.model import Clause
from policyengine.rules.yaml import Document, Node, Path, Scalar, plain, spans
from policyengine.source import Span

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

# Keys of a rule that are neither clauses nor effects.
_ABOUT = ("id", "description", "mode", "on_error")


@cache
def providers() -> Mapping[str, FactProvider]:
    """All providers of facts by name."""
    return {name: fact_provider(name) for name in fact_provider_names()}


def clauses_of(
    document: Document, rule: Path, form: RuleForm
) -> tuple[list[Clause], list[Diagnostic]]:
    """The clauses of the rule at a path, in the order written, and what is wrong with them."""
    clauses: list[Clause] = []
    problems: list[Diagnostic] = []
    known = providers()
    for name in _keys(document, rule):
        path = (*rule, name)
        node = document.node(path)
        if node is None or name in EFFECTS or name in _ABOUT:
            continue
        if name not in CLAUSES and name not in known:
            problems.append(_unknown(document, path, [*known, *CLAUSES, *EFFECTS, *_ABOUT]))
            continue
        clause = _clause(document, path, node)
        clauses.append(clause)
        if name in known:
            provider = known[name]
            problems += config_problems(name, provider, clause.value, clause.spans, clause.span)
        elif name in ("models", "tools") and not _names_something(form, name):
            message = f"`{name}` names nothing"
            problems.append(Diagnostic("empty-clause", message, clause.span))
    return clauses, problems


def _keys(document: Document, rule: Path) -> Iterable[str]:
    value = document.node(rule)
    return plain(value) if value is not None else ()


def _clause(document: Document, path: Path, node: Node) -> Clause:
    name = str(path[-1])
    is_cel = name in ("when", "unless")
    text = node.text if is_cel and isinstance(node, Scalar) else None
    return Clause(name, plain(node), text, document.key(path), dict(spans(node)))


def _names_something(form: RuleForm, name: str) -> bool:
    names = form.models if name == "models" else form.tools
    return names is not None and bool(names.any or names.not_)


def _unknown(document: Document, path: Path, known: list[str]) -> Diagnostic:
    name = str(path[-1])
    meant = closest(name, known)
    return Diagnostic(
        "unknown-clause",
        f"`{name[:80]}` is neither a clause nor an effect",
        document.key(path),
        f"did you mean `{meant}`?" if meant else "",
    )


def config_problems(
    name: str,
    provider: FactProvider,
    config: Any,
    places: Mapping[Path, Span],
    whole: Span,
) -> list[Diagnostic]:
    """What is wrong with a question to a provider of facts.

    `places` gives the places of the parts of `config`, `whole` where none is known.
    """
    from jsonschema import Draft202012Validator

    errors = sorted(
        Draft202012Validator(provider.SCHEMA).iter_errors(config), key=lambda e: str(e.json_path)
    )
    if errors:
        return [_misfit(name, _deepest(error), places, whole) for error in errors]
    try:
        provider.build(provider.normal(config))
    except ValueError as error:
        return [Diagnostic("clause-value", f"`{name}`: {error}", places.get((), whole))]
    return []


def _deepest(error: ValidationError) -> ValidationError:
    """Of the forms that a value may have, what is wrong in the one it comes nearest to."""
    while error.context:
        error = max(error.context, key=lambda e: (len(e.absolute_path), e.validator != "type"))
    return error


def _misfit(
    name: str, error: ValidationError, places: Mapping[Path, Span], whole: Span
) -> Diagnostic:
    path: Path = tuple(error.absolute_path)
    span = next((places[path[:n]] for n in range(len(path), -1, -1) if path[:n] in places), whole)
    said = f"`{path[-1]}` of `{name}`" if path and isinstance(path[-1], str) else f"`{name}`"
    if path and isinstance(path[-1], int):
        said = f"item {path[-1] + 1} of `{name}`"
    wanted: Any = error.validator_value
    schema: Any = error.schema
    instance: Any = error.instance
    match error.validator:
        case "type":
            types = wanted if isinstance(wanted, list) else [wanted]
            rest = f"must be {' or '.join(_TYPES.get(str(kind), str(kind)) for kind in types)}"
        case "enum" if isinstance(wanted, list):
            rest = f"must be one of {', '.join(f'`{choice}`' for choice in wanted)}"
        case "additionalProperties":
            allowed = list(schema.get("properties", {}))
            extra = [key for key in instance if key not in allowed]
            meant = closest(str(extra[0]), allowed)
            key = (*path, extra[0])
            return Diagnostic(
                "clause-value",
                f"`{str(extra[0])[:80]}` is not a key of {said}",
                places.get(key, span),
                f"did you mean `{meant}`?" if meant else "",
            )
        case "required":
            missing = [key for key in wanted if key not in instance]
            rest = f"lacks `{missing[0]}`"
        case "minItems" | "minLength" | "minProperties":
            rest = "must not be empty"
        case _:
            rest = f"does not fit: {error.validator} is {str(wanted)[:80]}"
    return Diagnostic("clause-value", f"{said} {rest}", span)


_TYPES = {
    "string": "text", "array": "a list", "object": "an object", "integer": "an integer",
    "number": "a number", "boolean": "true or false", "null": "null",
}  # fmt: skip
