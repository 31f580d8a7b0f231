"""The gate's report for people: what was decided, why, what must run, what to do next."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from policyengine_ci.approvals import Requirement
from policyengine_ci.report import FiredRule, GateReport, MovedRate, Outcome, Proposed, RequiredRun

# Everything is in the JSON report; a person reads a page.
MOST_LINES = 20

_HEADLINES: dict[Outcome, tuple[str, int]] = {
    "allowed": ("ALLOWED: this change may land", 32),
    "approval-missing": ("APPROVAL MISSING: this change may not land yet", 33),
    "denied": ("DENIED: this change may not land", 31),
    "tests-failed": ("NOT ALLOWED: tests of the proposed policy fail", 31),
    "policy-invalid": ("NOT ALLOWED: the proposed policy is invalid", 31),
    "not-evaluated": ("NOT EVALUATED: this change could not be judged", 31),
}
_EFFECTS = {"require_approval": "needs approval", "deny": "denied", "allow": "allowed"}


def text(report: GateReport, *, color: bool = False) -> str:
    """The report as text without a line break at the end.

    Nothing that the author of a change can choose reaches a terminal or a CI log unescaped.
    """
    headline, style = _HEADLINES[report.outcome]
    if report.allowed and report.triggers:
        headline += " once the agents below have run"
    first = f"\x1b[1;{style}m{headline}\x1b[0m" if color else headline
    sections = (
        ("", [first]),
        ("", _about(report)),
        ("Why", [*_problems(report), *_why(report)]),
        ("Must run", [line for trigger in report.triggers for line in _trigger(trigger)]),
        ("Approvals", _approvals(report)),
        ("Warnings", _warnings(report)),
        ("Files on which no rule fired", _bullets(report.unseen, "  ")),
        ("The policy that this change proposes", _proposed(report.proposed)),
        ("What to do next", [f"  - {step}" for step in _next(report)]),
    )
    parts = [[title, *lines] if title else lines for title, lines in sections if lines]
    return "\n\n".join("\n".join(part) for part in parts)


def safe(value: object) -> str:
    r"""Text in which nothing can move the cursor, end the line or command a CI runner.

    >>> safe("a\n::error::b\x1b[2J ##[group]")
    'a\\x0a::error::b\\x1b[2J #\\x23[group]'
    """
    shown = "".join(c if c.isprintable() else _escaped(c) for c in str(value))
    shown = shown.replace("#[", r"\x23[")
    return rf"\x3a{shown[1:]}" if shown.lstrip().startswith("::") else shown


def _escaped(character: str) -> str:
    code = ord(character)
    return (
        f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"
    )


def _bullets(items: Sequence[object], indent: str) -> list[str]:
    lines = [f"{indent}- {safe(item)}" for item in items[:MOST_LINES]]
    if len(items) > MOST_LINES:
        lines.append(f"{indent}- and {len(items) - MOST_LINES:,} more, all in the JSON report")
    return lines


def _about(report: GateReport) -> list[str]:
    change = report.change
    lines = [f"  change  {safe(change['head_ref'])} onto {safe(change['base_ref'])}"]
    if change["head"]:
        lines.append(f"          {safe(change['title'])} (by {safe(change['author'])})")
        size = f"+{change['additions']:,} -{change['deletions']:,} lines"
        lines.append(f"          {_count(change['files'], 'file')}, {size}")
    for bundle in report.bundles:
        place = f"{safe(bundle['folder'])} at {change['base'][:12]}, the tip of the base"
        lines.append(f"  policy  {safe(bundle['name'])} {safe(bundle['version'])} ({place})")
    return lines


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _problems(report: GateReport) -> Iterator[str]:
    for problem in report.problems:
        yield f"  {safe(problem.message)}"
    yield from _bullets(report.diagnostics, "    ")
    for note in report.notes:
        yield f"  {safe(note)}"


def _why(report: GateReport) -> Iterator[str]:
    for rule in report.judgement.rules if report.judgement else ():
        yield from _fired(rule)


def _fired(rule: FiredRule) -> Iterator[str]:
    effect = _EFFECTS.get(rule.effect, rule.effect)
    if rule.mode != "enforce":
        effect = f"{effect}, in mode {rule.mode}: it does not bind"
    message = f": {safe(rule.message)}" if rule.message else ""
    yield f"  {safe(rule.bundle)}/{safe(rule.rule)} ({safe(effect)}){message}"
    if rule.failed:
        yield f"    - could not be evaluated, so it counts: {safe(rule.failed)}"
    yield from _bullets(_reasons(rule.files), "    ")


def _reasons(files: Mapping[str, str]) -> list[str]:
    return [f"{path} ({why})" if why else path for path, why in files.items()]


def _trigger(trigger: RequiredRun) -> Iterator[str]:
    need = "required" if trigger.required else "optional"
    yield f"  {safe(trigger.agent)} ({need}), asked for by {safe(', '.join(trigger.rules))}"
    yield from _bullets(trigger.files, "    ")


def _approvals(report: GateReport) -> list[str]:
    asked = report.judgement.approvals if report.judgement else ()
    return [f"  {'ok     ' if one.met else 'missing'}  {_asked(one)}" for one in asked]


def _asked(one: Requirement) -> str:
    people = f"from {', '.join(one.approvers)}" if one.approvers else "from anybody but the author"
    given = ", ".join(one.given) or "nobody"
    return safe(f"{one.rule}: {len(one.given)} of {one.count} {people}; given by {given}")


def _warnings(report: GateReport) -> list[str]:
    return _bullets(report.judgement.warnings, "  ") if report.judgement else []


def _proposed(proposed: Proposed | None) -> list[str]:
    if proposed is None:
        return []
    lines = [f"  {_STATUS[proposed.status]}"]
    lines += _bullets(proposed.diagnostics, "    ")
    if proposed.tests is not None:
        counts = ", ".join(f"{n} {outcome}" for outcome, n in proposed.tests.counts.items() if n)
        lines.append(f"  tests: {counts or safe(proposed.tests.why_not)}")
        bad = [c for c in proposed.tests.cases if c.outcome in ("failed", "error")]
        lines += _bullets([f"{c.suite}: {c.name}: {_wrong(c)}" for c in bad], "    ")
    if proposed.rates:
        lines.append("  rates on labelled texts, before and after:")
        lines += _bullets([_moved(one) for one in proposed.rates], "    ")
    if proposed.differences:
        lines.append("  on this change it would differ (it has no say yet):")
        lines += _bullets(proposed.differences, "    ")
    return lines


def _moved(one: MovedRate) -> str:
    parts = [
        f"{name} {getattr(one.before, key) if one.before else 'none'} -> {getattr(one.after, key)}"
        for name, key in (("recall", "recall"), ("false positives", "false_positive_rate"))
    ]
    return f"{one.bundle}: {one.test}: {', '.join(parts)}"


def _wrong(case: object) -> str:
    message = getattr(case, "message", "")
    differences = getattr(case, "differences", ())
    return message or ", ".join(d.what for d in differences)


_STATUS = {
    "in-order": "it is valid and its tests pass",
    "invalid": "it is invalid",
    "tests-failed": "its tests fail",
    "removed": "it has no rule on `change.proposed`",
}


def _next(report: GateReport) -> Iterable[str]:
    for problem in report.problems:
        if problem.help:
            yield safe(problem.help)
    match report.outcome:
        case "policy-invalid":
            yield "run `policyengine check` on the bundle and repair what it names"
        case "tests-failed":
            yield "run `policyengine test` on the bundle; the tests must agree with the policy"
        case "denied":
            yield "take out what the denying rule names, or ask the policy's owner"
    missing = [
        one for one in (report.judgement.approvals if report.judgement else ()) if not one.met
    ]
    for one in missing:
        need = f"{_count(one.count - len(one.given), 'approval')} "
        need += f"from {', '.join(one.approvers)}" if one.approvers else "from somebody else"
        yield safe(f"get {need} for {one.rule}")
    if missing:
        yield "then run again with --approved-by NAME, or NAME=GROUP for a member of a group"
    for trigger in report.triggers:
        must = "it must succeed before the change lands" if trigger.required else "it may fail"
        yield f"start {safe(trigger.agent)}; {must}"
