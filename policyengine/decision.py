"""The answer to a request, and everything needed to say why."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from policyengine.charges import Reservation
from policyengine.program import Mode, Severity, Style, Verdict
from policyengine.source import Span
from policyengine.values.clock_text import format_timestamp
from policyengine.values.times import Timestamp

ReasonCode = Literal[
    "rule", "rule-error", "default", "no-bundle", "no-policy", "unknown-point", "invalid-input",
    "not-redactable", "no-route",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reason:
    """One rule (or default) that bears on the verdict.

    `code` tells how: `rule` matched, `rule-error` could not be evaluated and restricts,
    `default` no rule matched, `no-bundle`, `no-policy`, `unknown-point`, `invalid-input`,
    `not-redactable`, `no-route` (no model of the tier may serve the request). `effect` is what it
    asks for (`deny`, `redact`, ...). `evidence` are the findings behind it: kinds and places, never
    text.
    """

    code: ReasonCode
    effect: str
    rule: str = ""
    policy: str = ""
    message: str = ""
    admin: str = ""
    span: Span | None = None
    mode: Mode = "enforce"
    severity: Severity = "medium"
    evidence: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Approval:
    """Who must approve before the request may go on."""

    rule: str
    approvers: tuple[str, ...]
    count: int


# What they put in a text's place has letters or digits of it.
_QUOTING: Final = frozenset({"last4", "format"})


@dataclass(frozen=True, slots=True)
class Redaction:
    """Characters `start` to `end` of the text `field` become `replacement`.

    Some styles leave a part of the text in it, so it stands in no `repr`, and logs take `told`.
    """

    field: str
    start: int
    end: int
    replacement: str = dataclasses.field(repr=False)
    rules: tuple[str, ...]
    style: Style = "mask"

    @property
    def told(self) -> str:
        """The replacement, all of it masked where it has letters or digits of the text."""
        return "*" * len(self.replacement) if self.style in _QUOTING else self.replacement


@dataclass(frozen=True, slots=True)
class Routing:
    """The tier to use, and the rule that chose it (none where it is the bundle's default).

    Where the bundle has tiers, `model` is the one to use and `fallbacks` are those to try after
    it, in order; `why` says how they were chosen, and `rejected` why others were not, by model.
    """

    to: str
    rule: str
    priority: int
    model: str = ""
    fallbacks: tuple[str, ...] = ()
    why: str = ""
    rejected: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Triggered:
    """An agent or check to start, the rules that ask for it, and what set them off."""

    agent: str
    required: bool
    rules: tuple[str, ...]
    inputs: Mapping[str, Any]
    evidence: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Notice:
    """A message for the user that does not stop the request."""

    rule: str
    message: str


@dataclass(frozen=True, slots=True)
class Tagged:
    """A label for logs and billing."""

    rule: str
    key: str
    value: str


Obligation = Approval | Redaction | Routing | Triggered | Notice | Tagged

_KINDS: dict[type, str] = {
    Approval: "approval",
    Redaction: "redact",
    Routing: "route",
    Triggered: "trigger",
    Notice: "warn",
    Tagged: "tag",
}


@dataclass(frozen=True, slots=True)
class RuleError:
    """A rule that could not be evaluated, with a code and a message that quotes no request."""

    rule: str
    policy: str
    code: str
    message: str
    span: Span
    counted_as: Literal["match", "skip"]


@dataclass(frozen=True, slots=True)
class FactUse:
    """What became of a fact: `used`, `failed`, or `skipped`, and why.

    `fact` is its provider, `rules` are those that ask for it.
    """

    fact: str
    status: Literal["used", "failed", "skipped"]
    why: str = ""
    findings: int = 0
    rules: tuple[str, ...] = ()


@dataclass(frozen=True, init=False)
class Decision:
    """The outcome of one request.

    `allowed` is true only for the verdict `allow`. `time_ns` counts nanoseconds since 1970. Equal
    program, input, time and facts give an equal decision; `duration_ns`, the one thing measured,
    does not take part in equality. `content` maps the names of redacted texts to what may be
    passed on; it never appears in `repr` nor in `to_dict()`. `reservation` is what is held for the
    request of budgets and rates, to be settled or released; its id is the host's or random, so it
    takes no part in equality either.
    """

    point: str
    verdict: Verdict
    reasons: tuple[Reason, ...]
    obligations: tuple[Obligation, ...]
    errors: tuple[RuleError, ...]
    facts: tuple[FactUse, ...]
    shadow: tuple[Reason, ...]
    bundle: str
    version: str
    digest: str
    input_digest: str
    time_ns: int
    duration_ns: int = field(compare=False, default=0)
    content: Mapping[str, str] = field(repr=False, default_factory=dict)
    reservation: Reservation | None = field(compare=False, repr=False, default=None)

    def __init__(
        self,
        point: str,
        verdict: Verdict,
        reasons: tuple[Reason, ...],
        obligations: tuple[Obligation, ...],
        errors: tuple[RuleError, ...],
        facts: tuple[FactUse, ...],
        shadow: tuple[Reason, ...],
        bundle: str,
        version: str,
        digest: str,
        input_digest: str,
        time_ns: int,
        duration_ns: int = 0,
        content: Mapping[str, str] | None = None,
        reservation: Reservation | None = None,
    ) -> None:
        # All fields at once take half the time of one by one, and need no slots.
        fields = {
            "point": point,
            "verdict": verdict,
            "reasons": reasons,
            "obligations": obligations,
            "errors": errors,
            "facts": facts,
            "shadow": shadow,
            "bundle": bundle,
            "version": version,
            "digest": digest,
            "input_digest": input_digest,
            "time_ns": time_ns,
            "duration_ns": duration_ns,
            "content": {} if content is None else content,
            "reservation": reservation,
        }
        object.__setattr__(self, "__dict__", fields)

    @property
    def allowed(self) -> bool:
        """Whether the request may go on as it is (with its obligations fulfilled)."""
        return self.verdict == "allow"

    @property
    def time(self) -> str:
        """When it was decided, as an RFC 3339 string with as many digits as needed."""
        return format_timestamp(Timestamp(self.time_ns))

    @property
    def route(self) -> Routing | None:
        """The chosen tier, if a rule chose one."""
        return next((o for o in self.obligations if isinstance(o, Routing)), None)

    @property
    def retry_after(self) -> int | None:
        """In how many seconds a refused request may have room; None where no time helps.

        It is the longest of all limits that refused it.
        """
        waits = [
            found["retry_after"]
            for reason in self.reasons
            if reason.effect == "deny"
            for found in reason.evidence
            if "retry_after" in found
        ]
        return max(waits) if waits and min(waits) >= 0 else None

    @property
    def triggers(self) -> tuple[Triggered, ...]:
        """Agents and checks to start."""
        return tuple(o for o in self.obligations if isinstance(o, Triggered))

    @property
    def redactions(self) -> tuple[Redaction, ...]:
        """Spans to replace, merged, in order of field and place."""
        return tuple(o for o in self.obligations if isinstance(o, Redaction))

    @property
    def tags(self) -> dict[str, str]:
        """All labels by key."""
        return {o.key: o.value for o in self.obligations if isinstance(o, Tagged)}

    def to_dict(self) -> dict[str, Any]:
        """The decision as plain JSON values, without any text of the request."""
        plain = {
            "point": self.point,
            "allowed": self.allowed,
            "verdict": self.verdict,
            "reasons": [_plain(reason) for reason in self.reasons],
            "obligations": [_obligation(o) for o in self.obligations],
            "errors": [_plain(error) for error in self.errors],
            "facts": [_plain(fact) for fact in self.facts],
            "shadow": [_plain(reason) for reason in self.shadow],
            "bundle": {"name": self.bundle, "version": self.version, "digest": self.digest},
            "input_digest": self.input_digest,
            "time": self.time,
            "duration_ns": self.duration_ns,
        }
        if self.reservation is not None:
            plain["reservation"] = self.reservation.to_dict()
        return plain

    def to_json(self) -> str:
        """`to_dict()` as one line of JSON."""
        text = json.dumps(self.to_dict(), ensure_ascii=False, separators=(",", ":"))
        # Half a surrogate pair, say in a field's name, is no UTF-8; as an escape it is JSON.
        return text.encode("utf-8", "backslashreplace").decode()


def _obligation(obligation: Obligation) -> dict[str, Any]:
    plain = {"kind": _KINDS[type(obligation)], **_plain(obligation)}
    if isinstance(obligation, Redaction):
        plain["replacement"] = obligation.told
    return plain


_new = object.__new__
_set = object.__setattr__


def decided(fields: dict[str, Any]) -> Decision:
    """The decision that has these fields, all of them, and keeps the dict.

    For the engine, which makes one for every request: it takes half the time of `Decision(...)`.
    """
    made = _new(Decision)
    _set(made, "__dict__", fields)
    return made


def _plain(value: Any) -> Any:
    if isinstance(value, Span):
        return {"path": value.path, "line": value.line, "column": value.column}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if hasattr(value, "__dataclass_fields__"):
        return {name: _plain(getattr(value, name)) for name in value.__dataclass_fields__}
    return value
