"""From a policy file's document to a `Policy`."""

from __future__ import annotations

from policyengine.diagnostics import CompileError, Diagnostic, Related
from policyengine.rules.clauses import clauses_of, metered
from policyengine.rules.documents import OBLIGATIONS, VERDICTS, PolicyFile, RuleForm
from policyengine.rules.effects import obligations_of, verdict_of
from policyengine.rules.model import Policy, Rule, Variable
from policyengine.rules.policy_clause import PolicyFiles
from policyengine.rules.shapes import fit
from policyengine.rules.yaml import Document, Pairs, Path, Scalar
from policyengine.source import Span


def policy_of(document: Document, files: PolicyFiles) -> Policy:
    """The policy that a file holds; `files` gives the CEL policies that its rules name.

    Raises `CompileError` with everything that is wrong with the file, its CEL aside.
    """
    form = fit(document, PolicyFile)
    problems: list[Diagnostic] = []
    name = form.metadata.name
    rules = tuple(
        _rule(document, i, rule, name, files, problems) for i, rule in enumerate(form.rules)
    )
    problems += _repeated_rules(rules)
    problems += _repeated_points(document, form.on)
    if problems:
        raise CompileError(problems)
    about = form.metadata
    return Policy(
        about.name,
        tuple(form.on),
        rules,
        document.span(("metadata", "name")),
        tuple(_variable(document, name) for name in form.variables),
        form.mode,
        form.final,
        about.severity,
        about.owner,
        tuple(about.controls),
        about.description,
        _places(document, (), {("on", i): document.span(("on", i)) for i in range(len(form.on))}),
    )


def _places(document: Document, path: Path, more: dict[Path, Span]) -> dict[Path, Span]:
    """The places of an object's keys, and some more."""
    node = document.node(path)
    keys = [str(key.value) for key, _ in node.pairs] if isinstance(node, Pairs) else []
    return {**{(key,): document.key((*path, key)) for key in keys}, **more}


def _variable(document: Document, name: str) -> Variable:
    path = ("variables", name)
    node = document.node(path)
    if not isinstance(node, Scalar):
        raise AssertionError("the shape of the file says that a variable is a scalar")
    return Variable(name, node.text, document.key(path))


def _rule(
    document: Document,
    at: int,
    form: RuleForm,
    policy: str,
    files: PolicyFiles,
    problems: list[Diagnostic],
) -> Rule:
    path: Path = ("rules", at)
    clauses, wrong = clauses_of(document, path, form, files)
    problems += wrong
    clauses = [metered(clause, policy, form.id) for clause in clauses]
    problems += _effects(document, path, form)
    return Rule(
        form.id,
        tuple(clauses),
        verdict_of(form),
        obligations_of(form),
        document.span((*path, "id")),
        form.mode,
        form.on_error,
        form.description,
        _places(document, path, {}),
    )


def _effects(document: Document, path: Path, form: RuleForm) -> list[Diagnostic]:
    said = [name for name in VERDICTS if getattr(form, name) is not None]
    if len(said) > 1:
        places = sorted((document.key((*path, name)), name) for name in said)
        related = tuple(Related(span, f"`{name}` is here") for span, name in places[:-1])
        span, last = places[-1]
        message = f"rule `{form.id}` has more than one verdict"
        help = f"make `{last}` a rule of its own"
        return [Diagnostic("two-verdicts", message, span, help=help, related=related)]
    if not said and all(getattr(form, name) is None for name in OBLIGATIONS):
        message = f"rule `{form.id}` has no effect"
        help = "give it `allow`, `deny`, `require_approval`, or an obligation such as `warn`"
        return [Diagnostic("no-effect", message, document.span((*path, "id")), help=help)]
    return []


def _repeated_rules(rules: tuple[Rule, ...]) -> list[Diagnostic]:
    first: dict[str, Rule] = {}
    found = []
    for rule in rules:
        before = first.setdefault(rule.id, rule)
        if before is not rule:
            related = (Related(before.span, "first defined here"),)
            message = f"rule `{rule.id}` is defined twice"
            found.append(Diagnostic("duplicate-rule", message, rule.span, related=related))
    return found


def _repeated_points(document: Document, points: list[str]) -> list[Diagnostic]:
    return [
        Diagnostic("duplicate-point", f"`{name}` is listed twice", document.span(("on", i)))
        for i, name in enumerate(points)
        if name in points[:i]
    ]
