"""Clauses of a rule: which keys are clauses, and whether a plug-in's clause has the right form."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cache, partial
from typing import Any

from policyengine.cel.suggestions import closest
from policyengine.diagnostics import Diagnostic, Related
from policyengine.plugins import FactProvider, fact_provider, fact_provider_names
from policyengine.rules.clause_values import Places, config_problems
from policyengine.rules.documents import CLAUSES, EFFECTS, ON_EXCEED, RuleForm
from policyengine.rules.model import Clause
from policyengine.rules.policy_clause import PolicyFiles, policy_of_clause
from policyengine.rules.yaml import Document, Node, Path, Scalar, plain, spans
from policyengine.source import Span

# Keys of a rule that are neither clauses nor effects.
_ABOUT = ("id", "description", "mode", "on_error")


@cache
def providers() -> Mapping[str, FactProvider]:
    """All providers of facts by name."""
    return {name: fact_provider(name) for name in fact_provider_names()}


def clauses_of(
    document: Document, rule: Path, form: RuleForm, files: PolicyFiles
) -> tuple[list[Clause], list[Diagnostic]]:
    """The clauses of the rule at a path, in the order written, and what is wrong with them.

    `files` gives the CEL policies that clauses name.
    """
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
        if name in known and known[name].READS == "charges":
            problems += _exceeding(document, path, clause.value)
            clause = replace(clause, value=_plain_limit(clause.value))
        if form.policy is not None and name == "policy":
            held = policy_of_clause(document, path, form, files, problems)
            clause = replace(clause, policy=held)
        clauses.append(clause)
        if name in known:
            places = Places(clause.spans, clause.span, partial(_key, document, path))
            problems += config_problems(name, known[name], clause.value, places)
        elif name in ("models", "tools") and not _names_something(form, name):
            message = f"`{name}` names nothing"
            problems.append(Diagnostic("empty-clause", message, clause.span))
    return clauses, problems


def metered(clause: Clause, policy: str, rule: str) -> Clause:
    """A limit clause with the name of its counters: where it has none, its rule's own."""
    provider = providers().get(clause.name)
    if provider is None or provider.READS != "charges" or not isinstance(clause.value, dict):
        return clause
    return replace(clause, value={"meter": f"{policy}/{rule}", **clause.value})


def _plain_limit(value: Any) -> Any:
    """A limit clause's value without the effects in it, which are the rule's."""
    if not isinstance(value, dict):
        return value
    return {key: part for key, part in value.items() if key != ON_EXCEED}


def _exceeding(document: Document, clause: Path, value: Any) -> Iterator[Diagnostic]:
    """What is wrong with the effects that stand in a limit clause."""
    effects = value.get(ON_EXCEED, {}) if isinstance(value, dict) else {}
    path = (*clause, ON_EXCEED)
    if not isinstance(effects, dict) or (not effects and ON_EXCEED in value):
        message = f"`{ON_EXCEED}` must be an object with effects"
        help = "such as `on_exceed: {route: economy}`"
        yield Diagnostic("clause-value", message, document.span(path), help=help)
        return
    rule = document.node(clause[:-1])
    said = plain(rule) if rule is not None else {}
    for name in effects:
        place = document.key((*path, name))
        if name not in EFFECTS:
            meant = closest(str(name), EFFECTS)
            note = f"did you mean `{meant}`?" if meant else ""
            yield Diagnostic("clause-value", f"`{str(name)[:80]}` is no effect", place, note)
        elif name in said:
            related = (Related(document.key((*clause[:-1], name)), "here"),)
            message = f"the rule has the effect `{name}` already"
            yield Diagnostic("two-effects", message, place, related=related)


def _key(document: Document, clause: Path, path: Path) -> Span:
    return document.key((*clause, *path))


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
