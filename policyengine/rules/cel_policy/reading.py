"""From a CEL Policy file to a `CelPolicy`."""

from __future__ import annotations

import re
from typing import Any

from pydantic import Field

from policyengine.diagnostics import CompileError, Diagnostic, Related
from policyengine.rules.documents import BodyForm, Cel, MatchForm, Strict, VariableForm
from policyengine.rules.model import CelPolicy, Match, PolicyRule, Variable
from policyengine.rules.shapes import fit
from policyengine.rules.yaml import DEFAULT_LIMITS, Document, Limits, Pairs, Path, Scalar, read
from policyengine.source import Source, Text

_ADMISSION = "ValidatingAdmissionPolicy"
_QUALIFIED = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*")


class ImportForm(Strict):
    """A type's qualified name."""

    name: str = Field(description="Such as `pkg.Type`.")


class RuleFile(Strict):
    """A CEL Policy file."""

    name: str = Field(min_length=1, description="Name of the policy.")
    description: str = Field("", description="What the policy is for.")
    imports: list[ImportForm] = Field([], description="Types that go by their last name.")
    rule: BodyForm = Field(description="What the policy gives.")


class ValidationForm(Strict):
    """A condition that must hold, and what to say where it does not."""

    expression: Cel = Field(description="What must hold.")
    message: str | None = Field(None, description="What to say where it does not.")
    messageExpression: Cel | None = Field(  # noqa: N815 - the key's name
        None, description="What to say, as an expression."
    )


class AdmissionSpec(Strict):
    """What a validating admission policy asks for; what it applies to is left to the caller."""

    failurePolicy: str = Field("Fail", description="Not used here.")  # noqa: N815
    matchConstraints: dict[str, Any] = Field({}, description="Not used here.")  # noqa: N815
    variables: list[VariableForm] = Field([], description="Named expressions.")
    validations: list[ValidationForm] = Field(min_length=1, description="What must hold.")


class AdmissionFile(Strict):
    """A Kubernetes ValidatingAdmissionPolicy; it gives the first message that applies."""

    name: str = Field("", description="Name of the policy.")
    apiVersion: str = Field("", description="Not used here.")  # noqa: N815 - the key's name
    kind: str = Field(description="`ValidatingAdmissionPolicy`.")
    metadata: dict[str, Any] = Field({}, description="Its `name` is the policy's.")
    spec: AdmissionSpec = Field(description="What must hold.")


def load(source: Source, limits: Limits = DEFAULT_LIMITS) -> CelPolicy:
    """The policy that a file holds.

    Raises `CompileError` with everything that is wrong with the file, its CEL aside.
    """
    return load_document(read(source, limits))


def is_cel_policy(document: Document) -> bool:
    """Whether a file looks like a CEL Policy file and not like one of this library.

    >>> is_cel_policy(read(Source("p.yaml", "name: p\\nrule: {match: [{output: true}]}")))
    True
    """
    root = document.root
    kind = document.node(("kind",))
    if isinstance(kind, Scalar) and kind.value == _ADMISSION:
        return True
    return isinstance(root, Pairs) and "rule" in root.by_key and "apiVersion" not in root.by_key


def load_document(document: Document) -> CelPolicy:
    """The policy that a file's document holds. Raises `CompileError` as `load` does."""
    if document.node(("kind",)) is not None:
        return _admission(document)
    form = fit(document, RuleFile)
    problems: list[Diagnostic] = []
    imports: dict[str, str] = {}
    for at, imported in enumerate(form.imports):
        name = imported.name.strip()
        span = document.span(("imports", at, "name"))
        if not _QUALIFIED.fullmatch(name):
            message = f"`{name[:80]}` is not a qualified name"
            help = "names have the form `package.Type`"
            problems.append(Diagnostic("bad-import", message, span, help=help))
        elif imports.setdefault(name.rpartition(".")[2], name) != name:
            message = f"`{name[:80]}` has the same last part as another import"
            problems.append(Diagnostic("bad-import", message, span))
    rule = body(document, ("rule",), form.rule, problems)
    if problems:
        raise CompileError(problems)
    path = document.source.path
    return CelPolicy(path, form.name, form.description, tuple(imports.values()), rule)


def body(document: Document, path: Path, form: BodyForm, problems: list[Diagnostic]) -> PolicyRule:
    """The rule at a path of a document; what is wrong with it is added to `problems`."""
    rule = _rule(document, path, form, problems)
    problems += _nested_aggregates(rule, within=False)
    for one in rule.within():
        problems += _repeated(one.variables)
    return rule


def _text(document: Document, path: Path) -> Text | None:
    node = document.node(path)
    return node.text if isinstance(node, Scalar) else None


def _needed(document: Document, path: Path) -> Text:
    text = _text(document, path)
    if text is None:
        raise AssertionError("the shape of the file says that this is a scalar")
    return text


def _variables(document: Document, path: Path, forms: list[VariableForm]) -> tuple[Variable, ...]:
    return tuple(
        Variable(
            form.name,
            _needed(document, (*path, at, "expression")),
            document.span((*path, at, "name")),
        )
        for at, form in enumerate(forms)
    )


def _rule(document: Document, path: Path, form: BodyForm, problems: list[Diagnostic]) -> PolicyRule:
    said = [key for key in ("match", "aggregate") if getattr(form, key) is not None]
    key = said[0] if said else "match"
    if len(said) != 1:
        what = "both `match` and `aggregate`" if said else "neither `match` nor `aggregate`"
        span = document.key((*path, said[1])) if said else document.key(path)
        problems.append(Diagnostic("bad-rule", f"a rule has {what}", span))
    forms: list[MatchForm] = getattr(form, key) or []
    return PolicyRule(
        document.key(path),
        form.id,
        form.description,
        _variables(document, (*path, "variables"), form.variables),
        tuple(
            _match(document, (*path, key, at), match, problems) for at, match in enumerate(forms)
        ),
        key == "aggregate",
    )


def _match(document: Document, path: Path, form: MatchForm, problems: list[Diagnostic]) -> Match:
    if (form.output is None) == (form.rule is None):
        what = "neither `output` nor `rule`" if form.rule is None else "both `output` and `rule`"
        problems.append(Diagnostic("bad-match", f"a match has {what}", document.span(path)))
    if form.explanation is not None and form.output is None:
        message = "an explanation belongs to an output"
        problems.append(Diagnostic("bad-match", message, document.key((*path, "explanation"))))
    nested = None
    if form.rule is not None:
        nested = _rule(document, (*path, "rule"), form.rule, problems)
    return Match(
        document.span(path),
        _text(document, (*path, "condition")),
        _text(document, (*path, "output")),
        _text(document, (*path, "explanation")),
        nested,
    )


def _nested_aggregates(rule: PolicyRule, *, within: bool) -> list[Diagnostic]:
    if within and rule.aggregate:
        help = "give the outputs of both in one list"
        message = "an aggregate cannot stand within another one"
        return [Diagnostic("nested-aggregate", message, rule.span, help=help)]
    found = []
    for match in rule.matches:
        if match.rule is not None:
            found += _nested_aggregates(match.rule, within=within or rule.aggregate)
    return found


def _repeated(variables: tuple[Variable, ...]) -> list[Diagnostic]:
    first: dict[str, Variable] = {}
    found = []
    for variable in variables:
        before = first.setdefault(variable.name, variable)
        if before is not variable:
            related = (Related(before.span, "first defined here"),)
            message = f"the variable `{variable.name}` is defined twice"
            found.append(Diagnostic("duplicate-variable", message, variable.span, related=related))
    return found


def _admission(document: Document) -> CelPolicy:
    form = fit(document, AdmissionFile)
    if form.kind != _ADMISSION:
        message = f"`{form.kind[:80]}` is not a kind of policy that can be read"
        help = f"it may be `{_ADMISSION}`, or be left out"
        span = document.span(("kind",))
        raise CompileError([Diagnostic("wrong-value", message, span, help=help)])
    matches = []
    for at, validation in enumerate(form.spec.validations):
        path: Path = ("spec", "validations", at)
        output = _text(document, (*path, "messageExpression"))
        if output is None:
            said = "the request is not valid" if validation.message is None else validation.message
            output = _quoted(said, document.span(path).path)
        condition = _needed(document, (*path, "expression"))
        matches.append(Match(document.span(path), condition, output, None, None, negate=True))
    variables = _variables(document, ("spec", "variables"), form.spec.variables)
    rule = PolicyRule(document.key(("spec",)), "", "", variables, tuple(matches), aggregate=False)
    problems = _repeated(variables)
    if problems:
        raise CompileError(problems)
    name = form.name or str(form.metadata.get("name", ""))
    return CelPolicy(document.source.path, name, "", (), rule)


def _quoted(words: str, path: str) -> Text:
    """A text as CEL."""
    escaped = "".join(c if c.isalnum() or c == " " else f"\\U{ord(c):08x}" for c in words)
    return Text.plain(f'"{escaped}"', path)
