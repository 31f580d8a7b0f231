"""Limits that do not do what they seem to: looked at and never charged, or in pairs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any

from policyengine.cel.suggestions import closest
from policyengine.diagnostics import Diagnostic, Related
from policyengine.program import FactInfo
from policyengine.rules.clauses import providers
from policyengine.rules.model import CheckedCondition, CheckedPoint, CheckedRule, Rule
from policyengine.source import Span


def uncharged(points: Iterable[CheckedPoint]) -> Iterator[Diagnostic]:
    """Counters that are looked at and that no rule of the bundle charges: all is always left.

    Another program over the same store may charge them, so these are warnings.
    """
    asked = [question for point in points for question in _questions(point)]
    charged = {name for *_, fact in asked for name in _counters(fact, looks=False)}
    for rule, condition, fact in asked:
        missing = [name for name in _counters(fact, looks=True) if name not in charged]
        if missing:
            yield _told(fact, missing[0], charged, _place(rule, condition))


def in_pairs(rules: Iterable[Rule]) -> Iterator[Diagnostic]:
    """Rules with two limits, of which the second only counts what goes beyond the first."""
    for rule in rules:
        limits = [clause for clause in rule.clauses if _charges(clause.name)]
        for first, other in pairwise(limits):
            message = (
                f"the rule holds only where `{first.name}` and `{other.name}` are both exceeded, "
                "and may not count one before that"
            )
            help = "a rule for each, or several `limits` in one clause, keeps to each of them"
            related = (Related(first.span, "the first limit"),)
            yield Diagnostic(
                "two-limits", message, other.span, help=help, related=related, severity="warning"
            )


def _charges(clause: str) -> bool:
    provider = providers().get(clause)
    if provider is None or provider.READS != "charges":
        return False
    return not getattr(provider, "LOOKS", False)


_Question = tuple[CheckedRule, CheckedCondition, FactInfo]


def _questions(point: CheckedPoint) -> Iterator[_Question]:
    for rule in point.rules:
        for condition in rule.conditions:
            yield from ((rule, condition, fact) for fact in condition.facts.values())


def _counters(fact: FactInfo, *, looks: bool) -> Iterable[str]:
    provider: Any = providers()[fact.provider]
    if provider.READS != "charges" or getattr(provider, "LOOKS", False) != looks:
        return ()
    named = getattr(provider, "counters", None)
    found: Iterable[str] = named(fact.config) if named is not None else ()
    return found


def _place(rule: CheckedRule, condition: CheckedCondition) -> Span:
    """Where the clause names its counters."""
    spans = (c.spans.get(("meter",)) for c in rule.rule.clauses if c.name == condition.clause)
    return next((span for span in spans if span is not None), condition.span)


def _told(fact: FactInfo, counter: str, charged: Iterable[str], span: Span) -> Diagnostic:
    meter = str(fact.config.get("meter", ""))
    message = f"`{fact.provider}` looks at a counter that no rule of this bundle charges"
    same = [name for name in charged if name.startswith(f"{meter}|")]
    if same:
        help = f"it is about {_in_words(counter)}; `{meter}` counts {_any(same)}"
        return Diagnostic("uncharged-budget", message, span, help=help, severity="warning")
    meant = closest(meter, sorted({name.partition("|")[0] for name in charged}))
    note = f"did you mean `{meant}`?" if meant else ""
    help = "its `meter` is the name of the limit that charges it"
    return Diagnostic("uncharged-budget", message, span, note, help, severity="warning")


def _any(counters: Iterable[str]) -> str:
    return " and ".join(sorted(map(_in_words, counters)))


def _in_words(counter: str) -> str:
    """A counter's name for people: unit, window and scope.

    >>> _in_words("limits/day|micro_usd|day@Europe/Berlin|subject.id|")
    '`micro_usd` in `day@Europe/Berlin` by `subject.id`'
    """
    _, unit, window, scope, *_ = [*counter.split("|"), "", "", ""]
    parts = [f"`{unit}`", f"in `{window}`" if window else "", f"by `{scope}`" if scope else ""]
    return " ".join(filter(None, parts))
