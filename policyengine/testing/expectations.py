"""What a decision must look like: the part `expect` of policy tests, as pydantic models."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints

from policyengine.charges import Unit

Hole = Annotated[str, StringConstraints(pattern=r"^\$\{matrix\.[^{}]+\}$")]
Verdict = Literal["allow", "require_approval", "deny"]


class Strict(BaseModel):
    """An object with these keys and no others, of these very types."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class RuleSets(Strict):
    """Rules that must, and that must not, have matched; others may."""

    include: list[str] = Field(default=[], description="Ids of rules that must have matched.")
    exclude: list[str] = Field(default=[], description="Ids of rules that must not.")


class ExpectedReason(Strict):
    """Some reason of the decision has all of these; texts need only contain what is given."""

    rule: str | None = None
    policy: str | None = None
    code: str | None = Field(default=None, description="`rule`, `rule-error`, `default`, ...")
    effect: str | None = Field(default=None, description="`deny`, `redact`, `route`, ...")
    message: str | None = Field(default=None, description="Part of the text for the user.")
    admin: str | None = Field(default=None, description="Part of the text for the operator.")
    severity: str | None = None
    mode: str | None = None


class ExpectedError(Strict):
    """Some rule could not be evaluated, in this way."""

    rule: str | None = None
    code: str | None = None
    message: str | None = Field(default=None, description="Part of the message.")
    counted_as: Literal["match", "skip"] | None = None


class ExpectedRoute(Strict):
    """The tier that was chosen and by what, and the model in it."""

    to: str | None = None
    rule: str | None = None
    priority: int | None = None
    model: str | None = Field(default=None, description="The model that serves.")
    fallbacks: list[str] | None = Field(
        default=None, description="The models to try after it, all of them, in order."
    )
    why: str | None = Field(default=None, description="Part of why it was chosen.")


class ExpectedRedaction(Strict):
    """Some redaction has all of these."""

    field: str | None = None
    start: int | Hole | None = None
    end: int | Hole | None = None
    replacement: str | None = None
    rules: list[str] | None = None


class ExpectedTrigger(Strict):
    """Some trigger has all of these; `inputs` need only contain what is given."""

    agent: str | None = None
    required: bool | Hole | None = None
    rules: list[str] | None = None
    inputs: dict[str, JsonValue] | None = None


class ExpectedApproval(Strict):
    """Some approval has all of these."""

    rule: str | None = None
    approvers: list[str] | None = None
    count: int | Hole | None = None


class ExpectedObligations(Strict):
    """What the decision asks for. What is not named is not looked at; an empty list means none."""

    route: str | ExpectedRoute | None = Field(
        default=None, description="The tier, or null for no route."
    )
    triggers: list[str | ExpectedTrigger] | None = Field(
        default=None, description="Agents, or triggers in part."
    )
    redactions: list[ExpectedRedaction] | None = None
    approvals: list[ExpectedApproval] | None = None
    warnings: list[str] | None = Field(default=None, description="Parts of messages.")
    tags: dict[str, str] | None = Field(default=None, description="Labels; others may be there.")


class AmountBound(Strict):
    """Where an amount must lie."""

    at_least: int | Hole | None = None
    at_most: int | Hole | None = None


Amount = int | AmountBound | Hole


class ExpectedCounter(Strict):
    """Some counter that holds something for the request has all of these, the request included."""

    meter: str | None = Field(default=None, description="`policy/rule` where the rule names none.")
    scope: str | None = Field(default=None, description="Whose it is, such as `subject.id=sam`.")
    window: str | None = Field(default=None, description="Such as `day in Europe/Berlin`.")
    unit: Unit | None = None
    limit: Amount | None = None
    spent: Amount | None = Field(default=None, description="What is settled.")
    reserved: Amount | None = Field(default=None, description="What is held.")


class ExpectedLimit(ExpectedCounter):
    """Some limit that was exceeded has all of these, the request not included."""

    asked: Amount | None = Field(default=None, description="What the request would have added.")
    retry_after: Amount | None = Field(default=None, description="Seconds; -1: no time helps.")
    why: str | None = Field(default=None, description="Part of the sentence about it.")


class Expectation(Strict):
    """What a decision must look like. Errors that are not expected fail the test."""

    verdict: Verdict | Hole | None = None
    allowed: bool | Hole | None = None
    rules: list[str] | RuleSets | Hole | None = Field(
        default=None, description="Ids of all rules that matched, or `include` and `exclude`."
    )
    shadow: list[str] | None = Field(
        default=None, description="Ids of all rules in shadow mode that matched."
    )
    reasons: list[ExpectedReason] | None = None
    obligations: ExpectedObligations | None = None
    route: str | ExpectedRoute | None = Field(
        default=None, description="Short for `obligations.route`."
    )
    retry_after: Amount | None = Field(
        default=None, description="Seconds after which there is room again, or null for none."
    )
    reserved: dict[Unit, Amount] | None = Field(
        default=None,
        description="What is held for the request, by unit; nothing, where that is empty.",
    )
    limits: list[ExpectedLimit] | None = Field(
        default=None, description="Limits that were exceeded; an empty list means none."
    )
    counters: list[ExpectedCounter] | None = Field(
        default=None, description="How the counters stand that hold something for the request."
    )
    content: dict[str, str] | None = Field(
        default=None, description="Redacted texts by their field, as they may be passed on."
    )
    errors: list[ExpectedError] | None = None
