"""The clause `policy`: a CEL Policy file that it names, or a policy that stands in it."""

from __future__ import annotations

from collections.abc import Callable

from policyengine.diagnostics import CompileError, Diagnostic
from policyengine.rules.cel_policy.reading import body
from policyengine.rules.documents import RuleForm
from policyengine.rules.model import CelPolicy
from policyengine.rules.yaml import Document, Path
from policyengine.source import Span

PolicyFiles = Callable[[str, Span], CelPolicy | None]
"""Gives the CEL policy in a file of the bundle, None where what is wrong with it was told of.

Raises `CompileError`; the span is where the file is named.
"""


def policy_of_clause(
    document: Document,
    path: Path,
    rule: RuleForm,
    files: PolicyFiles,
    problems: list[Diagnostic],
) -> CelPolicy | None:
    """The policy of the clause at a path, None where it has none; `problems` says why."""
    form = rule.policy
    assert form is not None
    if form.file is None:
        found: list[Diagnostic] = []
        held = CelPolicy(
            document.source.path, rule.id, form.description, (), body(document, path, form, found)
        )
        problems += found
        return None if found else held
    for name in ("variables", "match", "aggregate"):
        if document.node((*path, name)) is not None:
            message = f"a policy is a `file` or stands here with `{name}`, not both"
            problems.append(Diagnostic("two-policies", message, document.key((*path, name))))
            return None
    place = (*path, "file")
    span = document.span(place if document.node(place) is not None else path)
    try:
        return files(form.file, span)
    except CompileError as error:
        problems += error.diagnostics
        return None
