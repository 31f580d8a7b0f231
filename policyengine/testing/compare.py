"""What was expected beside what happened: the differences, small enough to read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from policyengine.decision import Approval, Decision, Notice, Reason
from policyengine.diagnostics import Diagnostic
from policyengine.rules.yaml import Document
from policyengine.testing import model
from policyengine.testing.amounts import Counter, exceeded, reserved
from policyengine.testing.expectations import (
    Expectation,
    ExpectedLimit,
    ExpectedObligations,
    ExpectedRoute,
    ExpectedTrigger,
    RuleSets,
)
from policyengine.testing.results import Difference
from policyengine.testing.suite import Place

# Fields of which only a part must be there.
_CONTAINED = {"message", "admin", "inputs", "why"}
# Lists that are compared in their order.
_ORDERED = {"fallbacks"}


@dataclass(frozen=True, slots=True)
class _Comparison:
    """Makes differences with the place of each expectation in the file."""

    document: Document
    at: Place

    def difference(self, what: str, expected: Any, actual: Any, *steps: str | int) -> Difference:
        return Difference(what, expected, actual, self.document.span((*self.at, *steps)))

    def listed(
        self,
        steps: tuple[str, ...],
        expected: Sequence[Any] | None,
        actual: Sequence[Any],
        fields: Sequence[str],
        *,
        exact: bool = False,
    ) -> Iterator[Difference]:
        """Each expected item needs an actual one; an empty list, or `exact`, allows no other."""
        if expected is None:
            return
        what = ".".join(steps)
        found = [_fields(item, fields) for item in actual]
        for i, item in enumerate(expected):
            want = item.model_dump(exclude_unset=True)
            if not any(_contains(have, want) for have in found):
                near = _nearest(found, want)
                yield self.difference(f"{what}[{i}]", want, near, *steps, i)
        if exact or not expected:
            wants = [item.model_dump(exclude_unset=True) for item in expected]
            extra = [have for have in found if not any(_contains(have, w) for w in wants)]
            if extra:
                yield self.difference(f"{what} (others)", [], extra, *steps)


def differences(
    expected: Expectation,
    decision: Decision,
    document: Document,
    at: Place,
    counters: Sequence[Counter] = (),
) -> tuple[Difference, ...]:
    """Every expectation that the decision does not meet; `at` is where `expect` stands.

    `counters` are those that hold something for the request, as they stand.
    """
    comparison = _Comparison(document, at)
    found = [
        difference for check in _CHECKS for difference in check(expected, decision, comparison)
    ]
    fields = ("meter", "scope", "window", "unit", "limit", "spent", "reserved")
    found += comparison.listed(("counters",), expected.counters, counters, fields)
    return tuple(found)


def _verdict(e: Expectation, d: Decision, c: _Comparison) -> Iterator[Difference]:
    if e.verdict is not None and e.verdict != d.verdict:
        yield c.difference("verdict", e.verdict, d.verdict, "verdict")
    if e.allowed is not None and e.allowed != d.allowed:
        yield c.difference("allowed", e.allowed, d.allowed, "allowed")


def _rules(e: Expectation, d: Decision, c: _Comparison) -> Iterator[Difference]:
    matched = _matched(d.reasons)
    if isinstance(e.rules, list):
        if not _same_rules(e.rules, d.reasons):
            yield c.difference("rules", sorted(e.rules), matched, "rules")
    elif isinstance(e.rules, RuleSets):
        names = _names(d.reasons)
        for what, wrong in (
            ("include", [rule for rule in e.rules.include if rule not in names]),
            ("exclude", [rule for rule in e.rules.exclude if rule in names]),
        ):
            if wrong:
                yield c.difference(f"rules.{what}", wrong, matched, "rules", what)


def _shadow(e: Expectation, d: Decision, c: _Comparison) -> Iterator[Difference]:
    if e.shadow is not None and not _same_rules(e.shadow, d.shadow):
        yield c.difference("shadow", sorted(e.shadow), _matched(d.shadow), "shadow")


def _reasons(e: Expectation, d: Decision, c: _Comparison) -> Iterator[Difference]:
    fields = ("rule", "policy", "code", "effect", "message", "admin", "severity", "mode")
    yield from c.listed(("reasons",), e.reasons, d.reasons, fields)


def _errors(e: Expectation, d: Decision, c: _Comparison) -> Iterator[Difference]:
    fields = ("rule", "code", "message", "counted_as")
    # A test that meets its verdict only because a rule failed would hide the failure.
    yield from c.listed(("errors",), e.errors or [], d.errors, fields, exact=True)


def _content(e: Expectation, d: Decision, c: _Comparison) -> Iterator[Difference]:
    for field, text in (e.content or {}).items():
        if d.content.get(field) != text:
            yield c.difference(f"content.{field}", text, d.content.get(field), "content", field)


def _obligations(e: Expectation, d: Decision, c: _Comparison) -> Iterator[Difference]:
    if "route" in e.model_fields_set:
        yield from _route(e.route, d, c, "route")
    want = e.obligations
    if want is None:
        return
    at = "obligations"
    if "route" in want.model_fields_set:
        yield from _route(want.route, d, c, at, "route")
    triggers = [ExpectedTrigger(agent=t) if isinstance(t, str) else t for t in want.triggers or ()]
    yield from c.listed(
        (at, "triggers"),
        None if want.triggers is None else triggers,
        d.triggers,
        ("agent", "required", "rules", "inputs"),
    )
    yield from c.listed(
        (at, "redactions"),
        want.redactions,
        d.redactions,
        ("field", "start", "end", "replacement", "rules"),
    )
    approvals = [o for o in d.obligations if isinstance(o, Approval)]
    yield from c.listed(
        (at, "approvals"), want.approvals, approvals, ("rule", "approvers", "count")
    )
    yield from _warnings(want, d, c)
    for key, value in (want.tags or {}).items():
        if d.tags.get(key) != value:
            yield c.difference(f"{at}.tags.{key}", value, d.tags.get(key), at, "tags", key)


def _route(
    want: str | ExpectedRoute | None, d: Decision, c: _Comparison, *steps: str
) -> Iterator[Difference]:
    expected: dict[str, Any] | None = None
    if isinstance(want, str):
        expected = {"to": want}
    elif want is not None:
        expected = want.model_dump(exclude_unset=True)
    shown = ("to", "rule", "priority", *(set(expected or ()) & {"model", "fallbacks", "why"}))
    actual = None if d.route is None else _fields(d.route, sorted(shown))
    same = actual is expected if expected is None or actual is None else _contains(actual, expected)
    if not same:
        yield c.difference(".".join(steps), expected, actual, *steps)


def _limits(e: Expectation, d: Decision, c: _Comparison) -> Iterator[Difference]:
    if "retry_after" in e.model_fields_set:
        wanted = _amount(e.retry_after)
        if not _contains(d.retry_after, wanted):
            yield c.difference("retry_after", wanted, d.retry_after, "retry_after")
    if e.limits is not None:
        yield from c.listed(("limits",), e.limits, exceeded(d), tuple(ExpectedLimit.model_fields))
    if e.reserved is None:
        return
    held = reserved(d)
    for unit, amount in e.reserved.items():
        wanted = _amount(amount)
        if not _contains(held.get(unit, 0), wanted):
            yield c.difference(f"reserved.{unit}", wanted, held.get(unit, 0), "reserved", unit)
    if not e.reserved and held:
        yield c.difference("reserved", {}, held, "reserved")


def _amount(wanted: Any) -> Any:
    """What is expected of an amount, as `_contains` takes it."""
    return wanted.model_dump(exclude_unset=True) if isinstance(wanted, BaseModel) else wanted


def _warnings(want: ExpectedObligations, d: Decision, c: _Comparison) -> Iterator[Difference]:
    if want.warnings is None:
        return
    told = [o.message for o in d.obligations if isinstance(o, Notice)]
    for i, text in enumerate(want.warnings):
        if not any(text in message for message in told):
            what = f"obligations.warnings[{i}]"
            yield c.difference(what, text, told, "obligations", "warnings", i)
    if not want.warnings and told:
        yield c.difference("obligations.warnings", [], told, "obligations", "warnings")


def _matched(reasons: Iterable[Reason]) -> list[str]:
    return sorted({reason.rule for reason in reasons if reason.rule})


def _names(reasons: Iterable[Reason]) -> set[str]:
    """Matched rules by their id and by `policy/id`."""
    named = [reason for reason in reasons if reason.rule]
    return {r.rule for r in named} | {f"{r.policy}/{r.rule}" for r in named}


def _same_rules(expected: Iterable[str], reasons: Sequence[Reason]) -> bool:
    """Whether each rule that matched is expected, by one of its names, and the other way round."""
    wanted = set(expected)
    named = [(r.rule, f"{r.policy}/{r.rule}") for r in reasons if r.rule]
    return all(wanted.intersection(names) for names in named) and wanted <= _names(reasons)


_CHECKS = (_verdict, _rules, _shadow, _reasons, _obligations, _limits, _content, _errors)


def _fields(item: Any, names: Sequence[str]) -> dict[str, Any]:
    if isinstance(item, Mapping):
        return {name: item.get(name) for name in names}
    return {name: _plain(getattr(item, name)) for name in names}


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _contains(have: Any, want: Any, key: str = "") -> bool:
    """Whether all that is wanted is there; texts of `_CONTAINED` fields may be longer."""
    if isinstance(want, dict) and isinstance(have, int):
        return _lies_within(have, want)
    if isinstance(want, dict) and isinstance(have, dict):
        return all(name in have and _contains(have[name], want[name], name) for name in want)
    if key in _CONTAINED and isinstance(want, str) and isinstance(have, str):
        return want in have
    if isinstance(want, list) and isinstance(have, list) and key not in _ORDERED:
        return sorted(map(repr, want)) == sorted(map(repr, have))
    return type(want) is type(have) and bool(want == have)


def _lies_within(amount: int, bounds: dict[str, Any]) -> bool:
    least, most = bounds.get("at_least", amount), bounds.get("at_most", amount)
    # A hole that nothing fills stays a text, and no amount lies within that.
    return isinstance(least, int) and isinstance(most, int) and least <= amount <= most


def _nearest(found: Sequence[dict[str, Any]], want: dict[str, Any]) -> Any:
    """The actual item that agrees in most fields, cut to the fields that are asked for."""
    if not found:
        return None

    def agreement(have: dict[str, Any]) -> int:
        return sum(_contains(have[name], want[name], name) for name in want)

    return {name: value for name, value in max(found, key=agreement).items() if name in want}


def compile_differences(
    expected: model.CompileExpectation,
    found: Sequence[Diagnostic],
    document: Document,
    at: Place,
) -> tuple[Difference, ...]:
    """Expected findings that are missing, and found ones that were not expected."""
    comparison = _Comparison(document, at)
    actual = [
        _Found(d.slug, d.span.line, d.span.column, d.message, d.span.path)
        for d in found
        if d.severity == "error"
    ]
    fields = ("slug", "line", "column", "message", "file")
    errors = expected.compile_errors
    return tuple(comparison.listed(("compile_errors",), errors, actual, fields, exact=True))


@dataclass(frozen=True, slots=True)
class _Found:
    slug: str
    line: int
    column: int
    message: str
    file: str
