"""Clauses of a rule: which keys are clauses, and whether a plug-in's clause has the right form."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache, partial

from policyengine.cel.suggestions import closest
from policyengine.diagnostics import Diagnostic
from policyengine.plugins import FactProvider, fact_provider, fact_provider_names
from policyengine.rules.clause_values import Places, config_problems
from policyengine.rules.documents import CLAUSES, EFFECTS, RuleForm
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
